"""Seeds that people placed in a box that is segmented: which of them count, how they grow, and whose ids they get."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.placed_seeds import PlacedSeeds
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.core.words import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region
    from napari_emseg.core.progress import Progress
    from napari_emseg.jobs.segment import SegmentRequest
    from napari_emseg.session import Session


def in_region(placed: PlacedSeeds, region: Region) -> PlacedSeeds:
    """Those of a stack that lie in a box, as voxels of the box."""

    def inside(voxels: tuple[tuple[int, int, int], ...]) -> tuple[tuple[int, int, int], ...]:
        (z0, y0, x0), (z1, y1, x1) = region.start, region.stop
        there = [
            (z - z0, y - y0, x - x0) for z, y, x in voxels if z0 <= z < z1 and y0 <= y < y1 and x0 <= x < x1
        ]
        return tuple(dict.fromkeys(there))

    return replace(placed, points=inside(placed.points), struck=inside(placed.struck))


def usable(
    session: Session, region: Region, placed: PlacedSeeds, protected: NDArray[np.bool_]
) -> tuple[PlacedSeeds, int]:
    """The placed seeds of a box that may grow, and how many may not.

    Parameters
    ----------
    session : Session
    region : Region
    placed : PlacedSeeds
        In voxels of the stack.
    protected : ndarray of bool (z, y, x)
        Voxels of the box that stay as they are.

    Raises
    ------
    EmsegError
        If only placed seeds are to grow and there is none.
    """
    here = in_region(placed, region)
    excluded = {
        z - region.start[0]
        for z in range(region.start[0], region.stop[0])
        if session.sections[z].status is Status.EXCLUDED
    }
    free = tuple(p for p in here.points if p[0] not in excluded and not protected[p])
    if here.alone and not free:
        raise EmsegError(
            "none of your seeds can grow here" if here.points else "there is no seed of yours on the screen",
            f"section {region.start[0]}",
            "place one, or grow the automatic ones too",
            action="place_seeds",
        )
    return replace(here, points=free), len(here.points) - len(free)


def segment_alone(request: SegmentRequest, progress: Progress) -> NDArray[np.uint32]:
    """Grow the placed seeds of every section up to the membranes around them, and nothing else.

    Returns
    -------
    ndarray of uint32 (z, y, x)
        Segments from 1 that do not repeat between sections.
    """
    from napari_emseg.algorithms.placed_seeds import grow_alone, with_placed
    from napari_emseg.algorithms.seeds import distance_seeds, seed_every_area

    labels = np.zeros(request.region.shape, np.uint32)
    flat, free, last = request.seeds.model_copy(update={"dims": 2}), ~request.protected, 0
    for z, walls in enumerate(request.boundary):
        points, struck = request.placed.of(z)
        if len(points):
            found = distance_seeds(walls, flat, request.spacing_nm, mask=free[z])
            seeds, numbers = with_placed(found, points, struck, mask=free[z])
            seeds = seed_every_area(walls, seeds, flat, request.spacing_nm, mask=free[z])
            grown = grow_alone(walls, seeds, numbers, mask=free[z])
            first = int(numbers.min())
            labels[z] = np.where(grown > 0, grown - np.uint32(first - 1) + np.uint32(last), 0)
            last += len(points)
        progress.report((z + 1) / len(labels), f"section {z + 1} of {len(labels)}")
    if request.settings.membrane_lines:
        labels[request.boundary >= request.membrane_level] = 0
    return labels


def segment_through(request: SegmentRequest, labels: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Objects of three dimensions with what a person placed: objects with several seeds are divided between these.

    With placed seeds alone, objects without one are left out.
    """
    from napari_emseg.algorithms.placed_seeds import divided

    found = divided(labels, request.boundary, request.placed.points, request.spacing_nm)
    if request.placed.alone:
        wanted = np.unique([found[p] for p in request.placed.points])
        found = np.where(np.isin(found, wanted[wanted > 0]), found, np.uint32(0))
    return found


def keep_pointed(
    request: SegmentRequest,
    labels: NDArray[np.uint32],
    known: NDArray[np.int64],
) -> None:
    """Let placed seeds keep the id of the object on which they were placed; changes `known`.

    An object whose larger part goes to another segment, or stays as it is, keeps its id there: its smaller part is what
    was missing a seed, and gets a new one.

    Parameters
    ----------
    request : SegmentRequest
    labels : ndarray of uint32 (z, y, x)
        Segments, numbered from 1.
    known : ndarray of int64 (segments + 1,)
        The id that a segment had before, or 0.
    """
    for z in range(len(labels)):
        section, before = labels[z], request.before[z]
        for y, x in request.placed.of(z)[0].tolist():
            name, old = int(section[y, x]), int(before[y, x])
            if name == 0 or old == 0:
                continue
            there = section[(before == old) & ~request.protected[z]]
            shares = np.bincount(there, minlength=known.size)
            if not request.placed.alone:
                shares[0] = 0
            holders = [k for k in np.unique(section).tolist() if k not in (0, name) and known[k] == old]
            if all(shares[k] < shares[name] for k in holders) and shares[0] <= shares[name]:
                known[holders] = 0
                known[name] = old
            elif known[name] == old:
                known[name] = 0


def words(unused: int) -> tuple[str, ...]:
    """What is said of seeds that could not grow."""
    if not unused:
        return ()
    lie = "lies" if unused == 1 else "lie"
    return (f"{unused} of your seeds {lie} in what is proofread, left out or locked and did not grow",)


def edit_name(placed: PlacedSeeds, sections: range) -> str:
    """How the edit is called in the history."""
    where = f"section {sections[0]}" if len(sections) == 1 else f"{len(sections)} sections"
    n = len(placed.points)
    mine = counted(n, "placed seed")
    if placed.alone:
        return f"grow {mine} in {where}"
    return f"segment {where} with {mine}" if n else f"segment {where}"


def count_grown(labels: NDArray[Any], placed: PlacedSeeds) -> int:
    """How many segments grew from placed seeds."""
    return len({int(labels[p]) for p in placed.points} - {0})
