"""Regions that were segmented or drawn apart, as one volume with one id space."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.metrics.tally import Tally
from napari_emseg.algorithms.stitching import union, votes_of_table
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.indexing import box_key
from napari_emseg.core.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ArrayLike3D

Place = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Labels and where they lie.

    Attributes
    ----------
    labels : array-like (z, y, x) of non-negative integers
        Ids mean nothing outside; 0 is none. Read section by section.
    start : (z, y, x)
        Voxel of the volume at which they begin.
    """

    labels: ArrayLike3D
    start: Place

    @property
    def stop(self) -> Place:
        """Voxel at which they end."""
        z, y, x = (int(a + n) for a, n in zip(self.start, self.labels.shape, strict=True))
        return z, y, x


class OneSpace:
    """Regions as one volume, read lazily.

    Parameters
    ----------
    regions : sequence of Placed
        Where several have an id the first one counts.
    ids, names : sequence of ndarray
        Of every region its ids, sorted, and what they are called here.
    """

    ndim = 3
    dtype = np.dtype(np.uint32)

    def __init__(
        self,
        regions: Sequence[Placed],
        ids: Sequence[NDArray[np.uint64]],
        names: Sequence[NDArray[np.uint32]],
    ) -> None:
        self.origin = tuple(min(r.start[k] for r in regions) for k in range(3))
        z, y, x = (max(r.stop[k] for r in regions) - self.origin[k] for k in range(3))
        self.shape: Place = (z, y, x)
        self._regions, self._ids, self._names = regions, ids, names

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[np.uint32]:
        found = box_key(key, self.shape)
        start, stop = (
            tuple(a + o for a, o in zip(end, self.origin, strict=True))
            for end in (found.region.start, found.region.stop)
        )
        box = np.zeros([b - a for a, b in zip(start, stop, strict=True)], np.uint32)
        for region, ids, names in zip(self._regions, self._ids, self._names, strict=True):
            shared = _shared((start, stop), (region.start, region.stop))
            if shared is None:
                continue
            there = np.asarray(region.labels[_within(shared, region.start)])
            here = box[_within(shared, start)]
            named = _looked_up(there, ids, names)
            here[:] = np.where(here > 0, here, named)
        result: NDArray[np.uint32] = box[found.local]
        return result


def join_regions(regions: Sequence[Placed], *, progress: Progress | None = None) -> tuple[OneSpace, int]:
    """Give regions that overlap one id space.

    Parameters
    ----------
    regions : sequence of Placed
        In any order; a region that overlaps no other keeps its objects to itself.
    progress : Progress, optional

    Returns
    -------
    OneSpace
        From the first to the last voxel that any region has.
    int
        Number of objects, named from 1 in the order of regions and of the ids in them.

    Raises
    ------
    EmsegError
        If there is no region.

    Notes
    -----
    Two objects are one if each or either shares most with the other where two regions overlap, and at least a quarter
    of the smaller one; both ways, so that a split and a merger are found (see `stitching.overlap_votes`). The pairs are
    united at the end: what meets in a loop of regions is one object.
    """
    if not regions:
        raise EmsegError("there is nothing to join", "", "name the regions")
    report = progress or Silent()
    pairs = [
        (i, j, shared)
        for i, j in combinations(range(len(regions)), 2)
        if (shared := _shared(*((regions[k].start, regions[k].stop) for k in (i, j)))) is not None
    ]
    steps = sum(int(r.labels.shape[0]) for r in regions) + sum(
        stop[0] - start[0] for *_, (start, stop) in pairs
    )
    done = 0
    ids: list[NDArray[np.uint64]] = []
    for region in regions:
        found: list[NDArray[np.uint64]] = []
        for z in range(region.labels.shape[0]):
            found.append(np.unique(np.asarray(region.labels[z])).astype(np.uint64))
            done += 1
            report.report(0.9 * done / steps, "reading objects")
        every = np.unique(np.concatenate([*found, np.zeros(0, np.uint64)]))
        ids.append(every[every > 0])
    first = np.cumsum([0, *(len(k) for k in ids)])
    numbers = [np.arange(len(k)) + 1 + a for k, a in zip(ids, first, strict=False)]
    votes = []
    for i, j, (start, stop) in pairs:
        tally = Tally()
        for z in range(start[0], stop[0]):
            section = (z, *start[1:]), (z + 1, *stop[1:])
            one, two = (
                _looked_up(
                    np.asarray(regions[k].labels[_within(section, regions[k].start)]), ids[k], numbers[k]
                )
                for k in (i, j)
            )
            tally.add_table(contingency(one, two))
            done += 1
            report.report(0.9 * done / steps, "comparing regions")
        found_votes = votes_of_table(tally.table())
        votes.append((found_votes.a, found_votes.b))
    group = union(votes, int(first[-1]))
    roots, name = np.unique(group, return_inverse=True)
    names = [name[k].astype(np.uint32) for k in numbers]
    report.report(0.9, "one id space")
    return OneSpace(regions, ids, names), int(roots.size) - 1


def _looked_up(values: NDArray[Any], ids: NDArray[np.uint64], names: NDArray[Any]) -> NDArray[Any]:
    """Names of ids; 0 for 0."""
    table = np.concatenate([np.zeros(1, names.dtype), names])
    found = np.searchsorted(ids, values.astype(np.uint64), side="right")
    return np.where(values > 0, table[found], names.dtype.type(0))


def _shared(one: tuple[Any, Any], two: tuple[Any, Any]) -> tuple[Place, Place] | None:
    """The box that two boxes share."""
    start = tuple(max(a, b) for a, b in zip(one[0], two[0], strict=True))
    stop = tuple(min(a, b) for a, b in zip(one[1], two[1], strict=True))
    if any(a >= b for a, b in zip(start, stop, strict=True)):
        return None
    return (start[0], start[1], start[2]), (stop[0], stop[1], stop[2])


def _within(box: tuple[Any, Any], origin: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(a - o, b - o) for a, b, o in zip(*box, origin, strict=True))
