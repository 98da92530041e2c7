"""Writing a volume and its coarser levels into any format that takes parts of an array."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_emseg.io.boxes import boxes
from napari_emseg.io.pyramid import shrink

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_emseg.io.pyramid import Factors
    from napari_emseg.io.source import Source

Extent = tuple[int, int, int]


class Level(NamedTuple):
    """One level while it is written.

    Parameters
    ----------
    array : array-like (z, y, x) or (c, z, y, x)
        Takes and gives boxes.
    unit : tuple of int
        In which parts (z, y, x) it wants to be written: nothing is then written twice.
    """

    array: Any
    unit: Extent


def write_levels(source: Source, factors: Sequence[Factors], create: Callable[[int, Extent], Level]) -> int:
    """Copy a volume part by part, and shrink it level by level.

    Parameters
    ----------
    source : Source (z, y, x) or (c, z, y, x)
        What is written.
    factors : sequence of tuple of int
        By which each level is coarser than the one before, as `pyramid.level_factors` gives them.
    create : callable
        ``create(i, shape)`` makes an empty level ``i`` of extent (z, y, x).

    Returns
    -------
    int
        Largest value written, rounded down.
    """
    z, y, x = source.shape[-3:]
    shape: Extent = (z, y, x)
    level = create(0, shape)
    largest = 0
    # Channels inside: a source that is computed while it is written gives its sections only in order.
    for box in boxes(shape, source.chunks, level.unit, source.dtype.itemsize):
        for many, channel in _channels(source):
            values = channel[box.slices]
            if source.is_labels and values.size:
                largest = max(largest, int(values.max()))
            level.array[(*many, *box.slices)] = values
    for i, step in enumerate(factors):
        source.progress.report(1.0, f"writing level {i + 1} of {len(factors)}")
        finer, was = level, shape
        shape = (-(-was[0] // step[0]), -(-was[1] // step[1]), -(-was[2] // step[2]))
        level = create(i + 1, shape)
        units = [max(1, u // f) for u, f in zip(finer.unit, step, strict=True)]
        for many, _ in _channels(source):
            for box in boxes(shape, units, level.unit, source.dtype.itemsize * math.prod(step)):
                wide = tuple(
                    slice(a * f, min(b * f, n))
                    for a, b, f, n in zip(box.start, box.stop, step, was, strict=True)
                )
                source.require_space()
                source.progress.report(1.0, f"writing level {i + 1} of {len(factors)}")
                block = np.asarray(finer.array[(*many, *wide)])
                level.array[(*many, *box.slices)] = shrink(block, step, is_labels=source.is_labels)
    return largest


def _channels(source: Source) -> list[tuple[tuple[int, ...], Any]]:
    stacks = source.channels()
    return [((), stacks[0])] if source.ndim == 3 else [((c,), stack) for c, stack in enumerate(stacks)]


def fit_unit(unit: Sequence[int], shape: Sequence[int]) -> Extent:
    """Chunks no larger than the volume."""
    z, y, x = (max(1, min(u, n)) for u, n in zip(unit, shape, strict=True))
    return z, y, x


class Reordered:
    """An array of other axes that takes and gives boxes in (c), z, y, x.

    Parameters
    ----------
    array : array-like
        What is written to.
    axes : str
        Its axes; an axis "c" without a channel in the key is taken at 0.
    start : tuple of int
        Where voxel (0, 0, 0) of the volume lies in it.
    """

    def __init__(self, array: Any, axes: str, start: Sequence[int] = (0, 0, 0)) -> None:
        self._array, self._axes, self._start = array, axes, start
        self._order = ["zyx".index(a) for a in axes if a in "zyx"]

    def _key(self, key: tuple[Any, ...]) -> tuple[Any, ...]:
        *many, z, y, x = key
        parts = {
            a: slice(s.start + o, s.stop + o) for a, s, o in zip("zyx", (z, y, x), self._start, strict=True)
        } | {"c": many[0] if many else 0}
        return tuple(parts[a] for a in self._axes)

    def __setitem__(self, key: tuple[Any, ...], values: Any) -> None:
        self._array[self._key(key)] = np.asarray(values).transpose(self._order)

    def __getitem__(self, key: tuple[Any, ...]) -> Any:
        return np.asarray(self._array[self._key(key)]).transpose(np.argsort(self._order))
