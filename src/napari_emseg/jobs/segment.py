"""Segment a region: boundary probability in, one edit around human pixels out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.placed_seeds import NOTHING_PLACED, PlacedSeeds
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import SectionState, Status
from napari_emseg.jobs import hand_seeds
from napari_emseg.settings import SeedSettings, SegmentSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.edit import Edit, Region
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.session import Session


@dataclass(frozen=True, eq=False)
class SegmentRequest:
    """Everything that a worker needs to segment one region.

    Parameters
    ----------
    region : Region
    boundary : ndarray (z, y, x)
        Membrane probability of the region: floats in [0, 1] or uint8 in 0..255.
    around : ndarray (z, y + 2, x + 2)
        Ids of the region and of one pixel around it; 0 outside the stack.
    protected : ndarray of bool (z, y, x)
        Pixels that stay as they are.
    seeds : SeedSettings
    settings : SegmentSettings
    spacing_nm : (z, y, x) or None
    placed : PlacedSeeds
        Seeds that a person placed or struck out, in voxels of the region.
    unused : int
        Placed seeds that may not grow.
    locked : frozenset of int
        Ids of objects that are not made larger.
    """

    region: Region
    boundary: NDArray[Any]
    around: NDArray[Any]
    protected: NDArray[np.bool_]
    seeds: SeedSettings
    settings: SegmentSettings
    spacing_nm: Spacing | None
    placed: PlacedSeeds = NOTHING_PLACED
    unused: int = 0
    locked: frozenset[int] = frozenset()

    @property
    def membrane_level(self) -> float:
        """What counts as membrane, in the units of the boundary."""
        return self.seeds.threshold * (255 if self.boundary.dtype == np.uint8 else 1)

    @property
    def before(self) -> NDArray[Any]:
        """Ids of the region itself."""
        return self.around[:, 1:-1, 1:-1]


@dataclass(frozen=True, eq=False)
class SegmentResult:
    """Segments of one region.

    Parameters
    ----------
    labels : ndarray of uint32 (z, y, x)
        Segments, numbered from 1.
    known : ndarray of int64 (segments + 1,)
        The id that a segment had before, or 0 for one that needs a new id.
    losses : tuple of str
        What was left out on the way, in words.
    n_placed : int
        Segments that grew from seeds that a person placed.
    joined : tuple of (z, y, x)
        Seeds that were found, in voxels of the region, whose segments were small and joined a neighbour.
    """

    labels: NDArray[np.uint32]
    known: NDArray[np.int64]
    losses: tuple[str, ...] = ()
    n_placed: int = 0
    joined: tuple[tuple[float, float, float], ...] = ()

    @property
    def n_segments(self) -> int:
        """Number of segments."""
        return int(self.known.size) - 1


def prepare(
    session: Session,
    region: Region,
    boundary: NDArray[Any],
    *,
    seeds: SeedSettings | None = None,
    settings: SegmentSettings | None = None,
    placed: PlacedSeeds | None = None,
) -> SegmentRequest:
    """Copy what the worker needs.

    Parameters
    ----------
    session : Session
    region : Region
        Voxels to segment, inside the stack.
    boundary : ndarray (z, y, x)
        Membrane probability of exactly this region.
    seeds, settings : optional
        Default: the session's.
    placed : PlacedSeeds, optional
        Seeds that a person placed or struck out, in voxels of the stack.

    Raises
    ------
    EmsegError
        If the probability does not fill the region, or only placed seeds are to grow and there is none.
    """
    if boundary.shape != region.shape:
        raise EmsegError(
            "the membrane probability does not fill the region", f"{boundary.shape}, {region.shape}"
        )
    around = _with_margin(session, region)
    before = around[:, 1:-1, 1:-1]
    protected = np.zeros(region.shape, bool)
    for n, z in enumerate(range(region.start[0], region.stop[0])):
        protected[n] = session.sections[z].status is Status.PROOFREAD
    if session.locked:
        protected |= np.isin(before, np.fromiter(session.locked, dtype=before.dtype))
    here, unused = (
        (NOTHING_PLACED, 0) if placed is None else hand_seeds.usable(session, region, placed, protected)
    )
    return SegmentRequest(
        region=region,
        boundary=np.array(boundary),
        around=around,
        protected=protected,
        seeds=seeds or session.get_settings("seeds"),
        settings=settings or session.get_settings("segment"),
        spacing_nm=session.image.spacing_nm,
        placed=here,
        unused=unused,
        locked=frozenset(session.locked),
    )


def run(request: SegmentRequest, progress: Progress) -> SegmentResult:
    """Seed, grow, and find out which segments people know already. Pure.

    Returns
    -------
    SegmentResult
    """
    from napari_emseg.algorithms.relabel import keep_ids
    from napari_emseg.algorithms.watershed import Losses, segment_sections, segment_volume

    free = ~request.protected
    losses = Losses()
    if request.seeds.dims == 3:
        labels = segment_volume(
            request.boundary,
            request.seeds,
            request.settings,
            request.spacing_nm,
            mask=free,
            progress=progress,
        )
        if request.placed.points:
            labels = hand_seeds.segment_through(request, labels)
    elif request.placed.alone:
        labels = hand_seeds.segment_alone(request, progress)
    else:
        labels = segment_sections(
            request.boundary, request.seeds, request.settings, request.spacing_nm, mask=free, losses=losses,
            progress=progress, placed=request.placed,
        )  # fmt: skip
    known = np.zeros(int(labels.max(initial=0)) + 1, np.int64)
    # What is protected keeps its pixels, but a segment beside it is another object; and nothing joins what is locked,
    # here or beyond the edge. The ids of a proofread section stay those of its neighbours.
    around = request.around.copy()
    around[:, 1:-1, 1:-1][request.protected] = 0
    around[np.isin(around, np.fromiter(request.locked, around.dtype))] = 0
    # Segments through sections are asked about once: one id may not go to two of them in different sections.
    parts = [(labels, around)] if request.seeds.dims == 3 else zip(labels, around, strict=True)
    for part, old in parts:
        for new, before in keep_ids(part, old[..., 1:-1, 1:-1], old).items():
            if known[new] == 0:
                known[new] = before
    hand_seeds.keep_pointed(request, labels, known)
    said = (*losses.words(), *hand_seeds.words(request.unused))
    n_placed = hand_seeds.count_grown(labels, request.placed)
    return SegmentResult(labels, known, said, n_placed, tuple(losses.joined))


def finish(session: Session, request: SegmentRequest, result: SegmentResult) -> Edit:
    """Build the one edit that writes the segments; the caller commits it.

    Returns
    -------
    Edit
        Around proofread and excluded sections, also those marked since `prepare`, locked objects, and pixels
        that have changed since. Unseen sections become predicted with it.
    """
    from napari_emseg.core.edit import Mark

    names = result.known.copy()
    new = np.flatnonzero(names[1:] == 0) + 1
    if new.size:
        first = session.volume.next_ids(int(new.size))
        names[new] = np.arange(first, first + new.size)
    labels = names[result.labels]
    now = session.volume.read(request.region)
    stay = request.protected | (now != request.before)
    if request.placed.alone:  # what the person did not point at is none of this edit's business
        stay |= result.labels == 0
    labels[stay] = now[stay]
    sections = range(request.region.start[0], request.region.stop[0])
    marks = tuple(
        Mark(z, session.sections[z], SectionState(Status.PREDICTED))
        for z in sections
        if session.sections[z].status is Status.UNSEEN and not request.placed.alone
    )
    name = hand_seeds.edit_name(request.placed, sections)
    return session.around_people(name, "model", request.region, labels, marks=marks)


def _with_margin(session: Session, region: Region) -> NDArray[Any]:
    """Ids of a region and of one pixel around it in the section; 0 beyond the stack."""
    from napari_emseg.core.edit import Region as Box

    (z0, y0, x0), (z1, y1, x1) = region.start, region.stop
    wide = Box((z0, max(y0 - 1, 0), max(x0 - 1, 0)), (z1, y1 + 1, x1 + 1)).clipped(session.volume.shape)
    around = np.zeros((z1 - z0, y1 - y0 + 2, x1 - x0 + 2), session.volume.dtype)
    top, left = wide.start[1] - (y0 - 1), wide.start[2] - (x0 - 1)
    around[:, top : top + wide.shape[1], left : left + wide.shape[2]] = session.volume.read(wide)
    return around
