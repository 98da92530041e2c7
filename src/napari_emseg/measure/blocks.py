"""The way through a volume that is larger than memory: blocks with what lies around them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.object_ids import checked_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

BLOCK_VOXELS = 1 << 24
"""Voxels of a block by default: 64 MB of 32-bit ids, and some times as much while it is counted."""

Index = tuple[slice, slice, slice]
_LARGEST_ID = (1 << 63) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A part of the volume.

    Attributes
    ----------
    core : Region
        The voxels that this block stands for; the cores of all blocks fill the volume once.
    outer : Region
        The core and what lies around it, as far as the volume goes.
    labels : ndarray of int (z, y, x)
        Ids of ``outer``, numbered anew from 1; 0 is none.
    ids : ndarray of int64 (n,)
        The true id of every number; ``ids[0]`` is 0.
    """

    core: Region
    outer: Region
    labels: NDArray[Any]
    ids: NDArray[np.int64]

    @property
    def inner(self) -> Index:
        """The core as an index into ``labels``."""
        z, y, x = (
            slice(a - o, b - o)
            for a, b, o in zip(self.core.start, self.core.stop, self.outer.start, strict=True)
        )
        return z, y, x


def cores(
    shape: tuple[int, int, int], size: tuple[int, int, int] | None = None, voxels: int = BLOCK_VOXELS
) -> Iterator[Region]:
    """Boxes that fill a volume, section by section where they fit.

    Parameters
    ----------
    shape : (z, y, x)
    size : (z, y, x), optional
        Of one box; without it as many whole sections as fit, or parts of one.
    voxels : int
        Voxels of a box at most, where its size is not given.
    """
    z, y, x = shape
    depth, rows, columns = size or core_size(shape, voxels)
    for a in range(0, z, depth):
        for b in range(0, y, rows):
            for c in range(0, x, columns):
                yield Region((a, b, c), (a + depth, b + rows, c + columns)).clipped(shape)


def count_cores(
    shape: tuple[int, int, int], size: tuple[int, int, int] | None = None, voxels: int = BLOCK_VOXELS
) -> int:
    """How many boxes `cores` gives; a file may claim more voxels than a list of them could hold."""
    return math.prod(-(-n // k) for n, k in zip(shape, size or core_size(shape, voxels), strict=True))


def core_size(
    shape: tuple[int, int, int], voxels: int = BLOCK_VOXELS, chunks: Sequence[int] | None = None
) -> tuple[int, int, int]:
    """Size (z, y, x) of the boxes of `cores`.

    Parameters
    ----------
    shape : (z, y, x)
    voxels : int
        Of a box at most.
    chunks : (z, y, x), optional
        In which the volume is stored. Boxes are made of whole ones where these are deeper than the sections that fit in
        a box: each would be decoded once a section otherwise.
    """
    z, y, x = shape
    rows = max(1, min(y, voxels // max(x, 1)))
    depth = max(1, voxels // max(y * x, 1)) if rows == y else 1
    if chunks is None or min(chunks[0], z) <= depth or math.prod(chunks) > voxels:
        return depth, rows, max(x, 1)
    size = [max(1, min(c, n)) for c, n in zip(chunks, shape, strict=True)]
    for axis in (2, 1):
        while size[axis] < shape[axis] and 2 * math.prod(size) <= voxels:
            size[axis] *= 2
    return size[0], size[1], size[2]


def block_at(array: Any, core: Region, margin: tuple[int, int, int], *, before: int = 0) -> Block:
    """Read one block.

    Parameters
    ----------
    array : array-like (z, y, x) of int
    core : Region
    margin : (z, y, x)
        Voxels around the core; sections only after it.
    before : int
        Sections before it.

    Raises
    ------
    EmsegError
        If these are no object ids.
    """
    nz, ny, nx = (int(n) for n in array.shape)
    (z0, y0, x0), (z1, y1, x1) = core.start, core.stop
    outer = Region(
        (z0 - before, y0 - margin[1], x0 - margin[2]), (z1 + margin[0], y1 + margin[1], x1 + margin[2])
    ).clipped((nz, ny, nx))
    return numbered(np.asarray(array[outer.slices]), core, outer, str(getattr(array, "where", "")))


def numbered(labels: NDArray[Any], core: Region, outer: Region, name: str = "") -> Block:
    """A block of ids that were read already; ``name`` is that of their file, for messages."""
    import fastremap

    sections = f"sections {outer.start[0]} to {outer.stop[0] - 1}"
    found, names = fastremap.renumber(
        np.ascontiguousarray(_unsigned(labels, f"{name and name + ', '}{sections}")),
        preserve_zero=True,
    )
    ids = np.zeros(max(map(int, names.values()), default=0) + 1, np.int64)
    for old, new in names.items():
        ids[int(new)] = int(old)
    return Block(core, outer, found, ids)


def _unsigned(labels: NDArray[Any], where: str) -> NDArray[Any]:
    """Ids as unsigned integers.

    Raises
    ------
    EmsegError
        If they are fractions, negative, or too large.
    """
    labels = checked_ids(labels, where, remedy="give a segmentation")
    kind = labels.dtype.kind
    if kind == "b":
        return labels.astype(np.uint8)
    if kind == "i":
        return labels.astype(f"u{labels.dtype.itemsize}")
    if kind != "u":
        raise EmsegError("these are no object ids", where, "give a segmentation")
    if labels.dtype.itemsize == 8 and labels.max(initial=0) > _LARGEST_ID:
        raise EmsegError("object ids are above 2^63 - 1", where, "renumber them")
    return labels


def neighbours(block: Block, step: Sequence[int]) -> tuple[Index, Index]:
    """The voxels of the core and those one step away, where these lie inside the volume, as indices of its labels."""
    here, there = [], []
    for inner, move, n in zip(block.inner, step, block.labels.shape, strict=True):
        start, stop = max(inner.start, -move), min(inner.stop, n - move)
        here.append(slice(start, max(start, stop)))
        there.append(slice(start + move, max(start, stop) + move))
    return (here[0], here[1], here[2]), (there[0], there[1], there[2])
