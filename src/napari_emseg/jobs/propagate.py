"""Carry the ids of one section to its neighbours: label sections in, one edit around human pixels out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.relabel import around_painted
from napari_emseg.core.beside import read_beside
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.people import around_people
from napari_emseg.core.progress import Silent
from napari_emseg.core.sections import SectionState, Status
from napari_emseg.core.words import counted
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from napari_emseg.algorithms.matching import Link
    from napari_emseg.algorithms.section_graph import Tracks
    from napari_emseg.core.edit import Edit, Patch
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ArrayLike3D, Spacing
    from napari_emseg.session import Session


@dataclass(frozen=True, eq=False)
class PropagateRequest:
    """Everything that a worker needs to carry ids.

    Parameters
    ----------
    region : Region
        All sections concerned, the one that gives its ids among them.
    section : int
        Whose ids are carried.
    before : ndarray (z, y, x)
        Ids of the region in the volume.
    labels : ndarray (z, y, x)
        The same, with the segments of sections that the caller has segmented anew.
    highest : int
        Ids of `labels` above this are numbers of such segments and mean nothing in the volume.
    anchors : frozenset of int
        Sections of the region (from 0) whose ids are true.
    fresh : frozenset of int
        Sections of the region (from 0) that the caller has segmented anew.
    excluded : frozenset of int
        Sections of the region (from 0) that are skipped.
    keep : frozenset of int
        Ids of locked objects.
    settings : PropagateSettings
    spacing_nm : (z, y, x) or None
    image : array-like (z, y, x), optional
        Of the region; read in the worker, section by section.
    """

    region: Region
    section: int
    before: NDArray[Any]
    labels: NDArray[Any]
    highest: int
    anchors: frozenset[int]
    fresh: frozenset[int]
    excluded: frozenset[int]
    keep: frozenset[int]
    settings: PropagateSettings
    spacing_nm: Spacing | None
    image: ArrayLike3D | None = None


@dataclass(frozen=True, eq=False)
class PropagateResult:
    """Which objects are one, and how sure that is.

    Parameters
    ----------
    names : tuple of dict
        For every section of the region the new id of every object; new objects have ``first_new`` and up.
    known : ndarray of int64
        The id that a new object has in the volume already, or 0 for one that needs a new id.
    first_new : int
    links : tuple of Link
        Sections are those of the stack.
    unseen : str
        Why the image was not looked at; empty if it was.
    """

    names: tuple[dict[int, int], ...]
    known: NDArray[np.int64]
    first_new: int
    links: tuple[Link, ...]
    unseen: str = ""

    def doubts(self, below: float) -> tuple[Link, ...]:
        """Links and refused links that a person should look at, least certain first."""
        unsure = [k for k in self.links if k.kind == "conflict" or (k.a and k.b and k.confidence < below)]
        return tuple(sorted(unsure, key=lambda link: link.confidence))


def reach(section: int, n_sections: int, settings: PropagateSettings) -> range:
    """Sections that ids of a section go to, itself included."""
    back = settings.sections if settings.direction != "forwards" else 0
    ahead = settings.sections if settings.direction != "backwards" else 0
    return range(max(0, section - back), min(n_sections, section + ahead + 1))


def prepare(
    session: Session,
    section: int,
    *,
    labels: Mapping[int, NDArray[Any]] | None = None,
    painted: Collection[int] = (),
    region: Region | None = None,
    settings: PropagateSettings | None = None,
) -> PropagateRequest:
    """Copy what the worker needs; may be called in a thread.

    Parameters
    ----------
    session : Session
    section : int
        Whose ids are carried. Its labels are those of the volume.
    labels : mapping of section to ndarray (y, x), optional
        Segments of other sections, with any ids; they replace what the volume has there.
    painted : collection of int, optional
        Those of them in which segments lie around what the volume has there.
    region : Region, optional
        Part of the sections in y and x; by default whole sections. ``labels`` are of its extent.
    settings : PropagateSettings, optional
        Default: the session's.

    Raises
    ------
    EmsegError
        If the section has no objects, or no section that it reaches has any.
    """
    settings = settings or session.get_settings("propagate")
    depth, height, width = session.volume.shape
    sections = reach(section, depth, settings)
    _, top, left = region.start if region else (0, 0, 0)
    _, bottom, right = region.stop if region else (0, height, width)
    box = Region((sections.start, top, left), (sections.stop, bottom, right)).clipped(session.volume.shape)
    before = read_beside(session.volume, box)
    stack, highest = before.astype(np.int64), int(before.max(initial=0))
    status = {n: session.sections[z].status for n, z in enumerate(sections)}
    here = section - sections.start
    anchors = {n for n in status if n == here or status[n] is Status.PROOFREAD}
    excluded = {n for n in status if status[n] is Status.EXCLUDED} - anchors
    fresh = {z - sections.start for z in labels or () if z in sections} - anchors - excluded
    for n in sorted(fresh):
        z = sections[n]
        segments = (labels or {})[z]
        if segments.shape != box.shape[1:]:
            raise EmsegError("segments do not fill the region", f"section {z}")
        there = before[n] if z in painted else np.zeros_like(before[n])
        stack[n] = around_painted(segments, there, highest)
    if not stack[here].any():
        raise EmsegError(
            "there are no objects to carry", f"section {section}", "segment it first", action="segment"
        )
    if not any(stack[n].any() for n in range(len(stack)) if n != here and n not in excluded):
        raise EmsegError(
            "the sections that ids would go to have no segments",
            f"sections {sections.start} to {sections.stop - 1}",
            "segment them first",
            action="segment",
        )
    return PropagateRequest(
        region=box,
        section=section,
        before=before,
        labels=stack,
        highest=highest,
        anchors=frozenset(anchors),
        fresh=frozenset(fresh),
        excluded=frozenset(excluded),
        keep=frozenset(session.locked),
        settings=settings,
        spacing_nm=session.image.spacing_nm,
        image=_part(session.image.data, box),
    )


def _part(image: ArrayLike3D, region: Region) -> ArrayLike3D:
    """A box of the image that travels to the worker: as a place to read from, or as a copy of what is in memory."""
    from napari_emseg.io.views import Window

    return image[region.slices] if isinstance(image, np.ndarray) else Window(image, region)


class _UnseenError(Exception):
    """The image cannot be read where the worker is."""


class _Image:
    """A stack that says by `_UnseenError` that it cannot be read: ids are carried without it as well."""

    def __init__(self, stack: ArrayLike3D) -> None:
        self.shape, self.dtype = stack.shape, stack.dtype
        self._stack = stack

    def __getitem__(self, key: Any) -> NDArray[Any]:
        try:
            return np.asarray(self._stack[key])
        except EmsegError as error:
            raise _UnseenError(str(error)) from error


def run(request: PropagateRequest, progress: Progress) -> PropagateResult:
    """Link the sections. Pure but for reading the image, which may lie elsewhere than where the worker is.

    Returns
    -------
    PropagateResult
    """
    unseen = ""
    try:
        tracks = _tracks(request, progress)
    except _UnseenError as error:
        unseen = str(error)
        tracks = _tracks(replace(request, image=None), progress)
    first = request.region.start[0]
    links = tuple(
        replace(k, section_a=k.section_a + first, section_b=k.section_b + first) for k in tracks.links
    )
    return PropagateResult(tuple(tracks.names), _known(request, tracks), tracks.first_new, links, unseen)


def _tracks(request: PropagateRequest, progress: Progress) -> Tracks:
    from napari_emseg.algorithms.propagation import track

    return track(
        request.labels,
        request.settings,
        request.spacing_nm,
        image=None if request.image is None else _Image(request.image),
        anchors={n: request.labels[n] for n in request.anchors},
        keep=request.keep,
        excluded=request.excluded,
        first_new=1 + int(max(request.labels.max(), request.before.max())),
        progress=progress,
    )


def finish(
    session: Session, request: PropagateRequest, result: PropagateResult, progress: Progress | None = None
) -> Edit:
    """Build the one edit that writes the ids, section by section; the caller commits it. May be called in a thread.

    Returns
    -------
    Edit
        Around proofread and excluded sections, locked objects, and pixels that changed since `prepare`. Outdated as
        soon as the project changes.
    """
    from napari_emseg.algorithms.propagation import rename
    from napari_emseg.core.edit import Edit, Mark

    final = result.known.copy()
    new = np.flatnonzero(final == 0)
    if new.size:
        first = session.volume.next_ids(int(new.size))
        final[new] = np.arange(first, first + new.size)
    n_sections = request.region.shape[0] - 1
    name = f"carry ids of section {request.section} to {counted(n_sections, 'section')}"
    (z0, *start), stop = request.region.start, request.region.stop[1:]
    keep, locked, report = list(request.keep), frozenset(session.locked), progress or Silent()
    patches: list[Patch] = []
    for n, names in enumerate(result.names):
        report.report(n / len(result.names), f"writing ids, section {n + 1} of {len(result.names)}")
        if n in request.anchors or n in request.excluded:
            continue
        ids = {
            old: int(final[i - result.first_new]) if i >= result.first_new else i for old, i in names.items()
        }
        labels = rename(request.labels[n], ids)
        section = Region((z0 + n, start[0], start[1]), (z0 + n + 1, stop[0], stop[1]))
        now = session.volume.read(section)[0]
        stay = now != request.before[n]
        if keep:
            stay |= np.isin(now, keep)
        labels[stay] = now[stay]
        part = around_people(
            session.volume, session.sections, locked, name, "propagation", section, labels[None]
        )
        patches += part.patches
    marks = tuple(
        Mark(z, session.sections[z], SectionState(Status.PREDICTED))
        for z in sorted(n + z0 for n in request.fresh)
        if session.sections[z].status is Status.UNSEEN
    )
    return Edit(name, "propagation", tuple(patches), marks)


def _known(request: PropagateRequest, tracks: Tracks) -> NDArray[np.int64]:
    """Ids of the volume that objects without an anchor can keep, nearest section first."""
    known = np.zeros(tracks.n_new, np.int64)
    taken = {i for names in tracks.names for i in names.values() if i < tracks.first_new}
    here = request.section - request.region.start[0]
    for n in sorted(range(len(tracks.names)), key=lambda n: (abs(n - here), n)):
        for old, name in tracks.names[n].items():
            k = name - tracks.first_new
            if k >= 0 and known[k] == 0 and old not in taken and old <= request.highest:
                known[k] = old
                taken.add(old)
    return known
