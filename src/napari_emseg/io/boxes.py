"""In which parts a volume is copied, so that no chunk is decoded or written more often than needed."""

from __future__ import annotations

import math
import tempfile
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

BUDGET_BYTES = 256 << 20
"""Largest part that is held in memory while copying."""

_STEP_BYTES = (
    32 << 20
)  # parts of this size are quick enough to stop between, and large enough to be efficient


def chunks_of(array: Any) -> tuple[int, int, int]:
    """In which units (z, y, x) an array is best read; whole sections where it does not say."""
    shape = tuple(int(n) for n in array.shape[-3:])
    chunks = getattr(array, "chunks", None)
    if chunks is None or len(chunks) < 3 or not all(isinstance(n, int) for n in chunks):
        return 1, shape[1], shape[2]
    return tuple(min(int(n), s) or 1 for n, s in zip(chunks[-3:], shape, strict=True))  # type: ignore[return-value]


def boxes(
    shape: Sequence[int],
    source: Sequence[int],
    target: Sequence[int],
    itemsize: int,
    budget: int = BUDGET_BYTES,
) -> Iterator[Region]:
    """Divide a volume into boxes made of whole target chunks, and of whole source chunks where they fit.

    Parameters
    ----------
    shape, source, target : sequence of int
        Extent of the volume, and the chunks in which it is read and written (z, y, x).
    itemsize : int
        Bytes a voxel.
    budget : int
        Bytes that a box should not exceed. A box holds at least one target chunk.
    """
    step = box_shape(shape, source, target, itemsize, budget)
    for start in product(*(range(0, n, s) for n, s in zip(shape, step, strict=True))):
        stop = [min(a + s, n) for a, s, n in zip(start, step, shape, strict=True)]
        yield Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def box_shape(
    shape: Sequence[int], source: Sequence[int], target: Sequence[int], itemsize: int, budget: int
) -> list[int]:
    """Extent of the boxes of `boxes`; those at the far borders may be smaller."""
    unit = [max(1, min(t, n)) for t, n in zip(target, shape, strict=True)]
    step = [math.ceil(max(1, s) / u) * u for s, u in zip(source, unit, strict=True)]
    for axis in (1, 2, 0):
        while math.prod(step) * itemsize > budget and step[axis] > unit[axis]:
            step[axis] = max(unit[axis], step[axis] // 2 // unit[axis] * unit[axis])
    # Rows of voxels lie together on most disks: grow along x first.
    for axis in (2, 1, 0):
        while step[axis] < shape[axis] and 2 * math.prod(step) * itemsize <= min(budget, _STEP_BYTES):
            step[axis] *= 2
    return [min(s, n) for s, n in zip(step, shape, strict=True)]


def in_sections(array: Any, scratch: Path, budget: int = BUDGET_BYTES) -> Iterator[NDArray[Any]]:
    """Sections of a (z, y, x) array in order, each chunk decoded once.

    Where a slab as thick as the chunks does not fit into the budget, it goes through a temporary file.

    Parameters
    ----------
    array : array-like (z, y, x)
        What is read.
    scratch : Path
        Folder for the temporary file.
    budget : int
        Bytes of a slab in memory.
    """
    n, height, width = array.shape
    dtype = np.dtype(array.dtype)
    depth, *_ = chunks = chunks_of(array)
    section = max(1, height * width * dtype.itemsize)
    if depth * section <= budget:
        depth = max(1, min(n, max(depth, _STEP_BYTES // section // depth * depth)))
        for z in range(0, n, depth):
            yield from np.asarray(array[z : min(z + depth, n)])
        return
    with tempfile.TemporaryFile(dir=scratch) as file:
        slab: NDArray[Any] = np.memmap(file, dtype, "w+", shape=(depth, height, width))
        for z in range(0, n, depth):
            count = min(depth, n - z)
            for part in boxes((count, height, width), chunks, (1, 1, 1), dtype.itemsize, budget):
                zs, ys, xs = part.slices
                slab[part.slices] = array[z + zs.start : z + zs.stop, ys, xs]
            for i in range(count):
                yield np.array(slab[i])
