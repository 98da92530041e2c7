"""Pieces of cells and the borders between them, from a boundary map that may be larger than memory.

Every voxel goes uphill to its highest neighbour (`landscape`) until it stands on a peak; the voxels of a peak are one piece.
That is decided by a voxel's surroundings alone. So a block with a margin gives exactly what the whole volume gives: paths
that leave a block are joined to those that go on beyond, and passes, faces and sizes are counted in whole
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contacts import Contacts
from napari_emseg.algorithms.landscape import GROUND, eight_bits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.algorithms.block_store import BlockStore
    from napari_emseg.algorithms.landscape import Landscape
    from napari_emseg.core.edit import Region
    from napari_emseg.core.progress import Progress

_WAYS = [way for way in product((-1, 0, 1), repeat=3) if any(way)]
_LATER = [way for way in _WAYS if way > (0, 0, 0)]
_FACES = ((1, 0, 0), (0, 1, 0), (0, 0, 1))


@dataclass(frozen=True, eq=False)
class Fragments:
    """All pieces of a volume.

    Attributes
    ----------
    piece : ndarray of int64
        Provisional id in the store to piece; 0 is none. Pieces are numbered from 1 in raster order of their peaks.
    peak : ndarray of int32 (pieces + 1,)
        Height of each.
    size : ndarray of int64 (pieces + 1,)
        Voxels of each.
    passes : tuple of ndarray
        (a, b, height) of the highest pass between every two pieces that touch.
    borders : Contacts
        Faces between pieces, and the mean of the stretched map along them.
    """

    piece: NDArray[np.int64]
    peak: NDArray[np.int32]
    size: NDArray[np.int64]
    passes: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
    borders: Contacts


@dataclass(eq=False)
class _Ends:
    """Where the paths of all blocks end so far; provisional ids number them from 1."""

    voxel: list[NDArray[np.int64]] = field(default_factory=lambda: [np.full(1, -1, np.int64)])
    height: list[NDArray[np.int32]] = field(default_factory=lambda: [np.full(1, GROUND, np.int32)])
    leaves: list[NDArray[np.bool_]] = field(default_factory=lambda: [np.zeros(1, bool)])
    n: int = 1


def fragments(
    boundary: Any,
    landscape: Landscape,
    regions: Sequence[Region],
    labels: BlockStore,
    heights: BlockStore,
    *,
    mask: NDArray[np.bool_] | None = None,
    report: Progress,
) -> Fragments:
    """Find the pieces of a volume block by block.

    Parameters
    ----------
    boundary : array-like (z, y, x)
        Floats in [0, 1] or uint8; read block by block.
    landscape : Landscape
    regions : sequence of Region
        The blocks, in any order.
    labels, heights : BlockStore
        Written here: provisional ids and heights.
    mask : ndarray of bool (z, y, x), optional
        Outside belongs to nobody.
    report : Progress
        Told 0 to 1.
    """
    shape = labels.shape
    ends = _Ends()
    for n, region in enumerate(regions):
        report.report(0.6 * n / len(regions), f"pieces, block {n + 1} of {len(regions)}")
        _climb_block(boundary, landscape, region, shape, labels, heights, mask, ends)
    voxel, leaves = np.concatenate(ends.voxel), np.concatenate(ends.leaves)
    height = np.concatenate(ends.height)
    piece, peak = _joined_paths(voxel, height, leaves, labels)
    size = np.zeros(peak.size, np.int64)
    counted = _Counts(peak.size)
    for n, region in enumerate(regions):
        report.report(0.6 + 0.4 * n / len(regions), f"borders, block {n + 1} of {len(regions)}")
        _count_block(boundary, landscape, region, shape, labels, heights, piece, size, counted)
    return Fragments(piece, peak, size, counted.passes(), counted.borders())


def _climb_block(
    boundary: Any,
    landscape: Landscape,
    region: Region,
    shape: tuple[int, int, int],
    labels: BlockStore,
    heights: BlockStore,
    mask: NDArray[np.bool_] | None,
    ends: _Ends,
) -> None:
    wide, ring = _around(region, landscape.reach, shape), _around(region, (1, 1, 1), shape)
    raised = landscape.heights(eight_bits(np.asarray(boundary[wide[0]])))
    padded = np.full([n + 2 for n in region.shape], GROUND, np.int32)
    inside = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(ring[0], wide[0], strict=True))
    padded[ring[1]] = raised[inside]
    if mask is not None:
        padded[ring[1]][~mask[ring[0]]] = GROUND
    top = _climb(padded)
    core = padded[1:-1, 1:-1, 1:-1]
    goal = top.reshape(padded.shape)[1:-1, 1:-1, 1:-1]
    dry = core != GROUND
    ids, number = np.unique(goal[dry], return_inverse=True)
    where = np.stack(np.unravel_index(ids, padded.shape)) - 1
    outside = ((where < 0) | (where >= np.array(region.shape)[:, None])).any(0)
    voxels = np.ravel_multi_index(tuple(where + np.array(region.start)[:, None]), shape)
    found = np.zeros(region.shape, np.int64)
    found[dry] = number.ravel() + ends.n
    labels.write(region, found)
    heights.write(region, core.copy())
    ends.voxel.append(voxels.astype(np.int64))
    ends.height.append(padded.ravel()[ids])
    ends.leaves.append(np.asarray(outside))
    ends.n += ids.size


def _around(
    region: Region, reach: tuple[int, int, int], shape: tuple[int, int, int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """A block with a margin, clipped to the volume; and where that lies in the unclipped one."""
    low = [max(a - r, 0) for a, r in zip(region.start, reach, strict=True)]
    high = [min(b + r, n) for b, r, n in zip(region.stop, reach, shape, strict=True)]
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    here = tuple(
        slice(a - (s - r), b - (s - r)) for a, b, s, r in zip(low, high, region.start, reach, strict=True)
    )
    return box, here


def _climb(padded: NDArray[np.int32]) -> NDArray[np.int64]:
    """Where the path of every voxel ends: on a peak, or in the outermost layer, whose voxels stay where they are."""
    strides = [padded.shape[1] * padded.shape[2], padded.shape[2], 1]
    inner = (slice(1, -1),) * 3
    best = padded[inner].copy()
    up = np.arange(padded.size, dtype=np.int64).reshape(padded.shape)
    here = up[inner].copy()
    goal = here.copy()
    for way in _WAYS:
        there = padded[tuple(slice(1 + w, n - 1 + w) for w, n in zip(way, padded.shape, strict=True))]
        # Equal heights are climbed towards the later voxel only, so that nobody walks in circles.
        higher = there > best if way < (0, 0, 0) else there >= best
        higher &= there != GROUND
        np.copyto(best, there, where=higher)
        np.copyto(goal, here + sum(w * s for w, s in zip(way, strides, strict=True)), where=higher)
    up[inner] = goal
    path = up.ravel()
    while True:
        further = path[path]
        if np.array_equal(further, path):
            return path
        path = further


def _joined_paths(
    voxel: NDArray[np.int64], height: NDArray[np.int32], leaves: NDArray[np.bool_], labels: BlockStore
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Piece of every provisional id, and the height of every piece."""
    goal: NDArray[np.int64] = np.arange(voxel.size)
    goal[leaves] = labels.pick(voxel[leaves])
    while True:
        further = goal[goal]
        if np.array_equal(further, goal):
            break
        goal = further
    peaks = np.flatnonzero(~leaves)[1:]
    peaks = peaks[np.argsort(voxel[peaks])]
    number = np.zeros(voxel.size, np.int64)
    number[peaks] = np.arange(1, peaks.size + 1)
    return number[goal], np.r_[height[:1], height[peaks]]


class _Counts:
    """Passes and faces between pieces, added up over blocks."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._passes: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        self._faces: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []

    def add_passes(self, a: NDArray[np.int64], b: NDArray[np.int64], saddle: NDArray[np.int64]) -> None:
        """Passes of one block."""
        self._passes.append(_highest(self._keys(a, b), saddle))

    def add_faces(self, a: NDArray[np.int64], b: NDArray[np.int64], value: NDArray[np.int64]) -> None:
        """Faces of one block, with the value of the map on each."""
        keys, inverse = np.unique(self._keys(a, b), return_inverse=True)
        n = np.bincount(inverse, minlength=keys.size)
        total = np.rint(np.bincount(inverse, value, minlength=keys.size))
        self._faces.append((keys, n.astype(np.int64), total.astype(np.int64)))

    def passes(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Highest pass of every pair, sorted."""
        keys, saddle = (
            np.concatenate([p[k] for p in self._passes] + [np.zeros(0, np.int64)]) for k in (0, 1)
        )
        keys, saddle = _highest(keys, saddle)
        return keys // self._n, keys % self._n, saddle

    def borders(self) -> Contacts:
        """Faces of every pair, sorted; the mean is in steps of the map."""
        keys, n, total = (
            np.concatenate([p[k] for p in self._faces] + [np.zeros(0, np.int64)]) for k in (0, 1, 2)
        )
        unique, inverse = np.unique(keys, return_inverse=True)
        faces, sums = (np.bincount(inverse, x, minlength=unique.size) for x in (n, total))
        return Contacts(
            unique // self._n, unique % self._n, np.rint(faces).astype(np.int64), sums / np.maximum(faces, 1)
        )

    def _keys(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.minimum(a, b) * self._n + np.maximum(a, b)


def _highest(
    keys: NDArray[np.int64], saddle: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    order = np.lexsort((-saddle, keys))
    keys, saddle = keys[order], saddle[order]
    first = np.ones(keys.size, bool)
    first[1:] = keys[1:] != keys[:-1]
    return keys[first], saddle[first]


def _count_block(
    boundary: Any,
    landscape: Landscape,
    region: Region,
    shape: tuple[int, int, int],
    labels: BlockStore,
    heights: BlockStore,
    piece: NDArray[np.int64],
    size: NDArray[np.int64],
    counted: _Counts,
) -> None:
    box, here = _around(region, (1, 1, 1), shape)
    start, stop = tuple(s.start for s in box), tuple(s.stop for s in box)
    wide = [n + 2 for n in region.shape]
    ids, high, values = np.zeros(wide, np.int64), np.full(wide, GROUND, np.int32), np.zeros(wide, np.int64)
    ids[here] = piece[labels.read(start, stop, np.int64)]
    high[here] = heights.read(start, stop, np.int32)
    values[here] = np.rint(landscape.stretched(eight_bits(np.asarray(boundary[box]))) * 255)
    inner = (slice(1, -1),) * 3
    size += np.bincount(ids[inner].ravel(), minlength=size.size)
    a, b, saddle = [], [], []
    for way in _LATER:
        there = tuple(slice(1 + w, n - 1 + w) for w, n in zip(way, wide, strict=True))
        one, other = ids[inner], ids[there]
        at = (one != other) & (one > 0) & (other > 0)
        a.append(one[at])
        b.append(other[at])
        saddle.append(np.minimum(high[inner][at], high[there][at]).astype(np.int64))
        if way in _FACES:
            counted.add_faces(a[-1], b[-1], np.maximum(values[inner][at], values[there][at]))
    counted.add_passes(np.concatenate(a), np.concatenate(b), np.concatenate(saddle))
