"""Affinities: whether a voxel belongs to the same object as its neighbour at some offset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.targets.target import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Offset = tuple[int, int, int]
NEAREST: tuple[Offset, ...] = ((-1, 0, 0), (0, -1, 0), (0, 0, -1))
"""The neighbour before, above and to the left, as in gunpowder and waterz."""


def affinities(
    labels: NDArray[Any],
    spacing_nm: tuple[float, float, float],  # noqa: ARG001 - all targets are called alike
    *,
    offsets: Sequence[Offset] = NEAREST,
    ignore_id: int | None = None,
) -> Target:
    """1 where a voxel and the one at ``voxel + offset`` have the same id, which is not 0.

    Parameters
    ----------
    labels : ndarray (z, y, x)
    offsets : sequence of (z, y, x)
        One channel each.

    Returns
    -------
    Target
        Weight 0 where the neighbour lies outside, or one of the two is `ignore_id`.
    """
    values = np.zeros((len(offsets), *labels.shape), np.uint8)
    weight = np.zeros((len(offsets), *labels.shape), np.float32)
    for channel, offset in enumerate(offsets):
        here, there = overlap(labels.shape, offset)
        a, b = labels[here], labels[there]
        known = np.ones(a.shape, bool) if ignore_id is None else (a != ignore_id) & (b != ignore_id)
        values[channel][here] = (a == b) & (a != 0) & known
        weight[channel][here] = known
    return Target(values, weight, tuple(f"affinity {z:+d} {y:+d} {x:+d}" for z, y, x in offsets))


def overlap(shape: tuple[int, ...], offset: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where voxels lie whose neighbour at an offset exists, and where those neighbours lie."""
    here = tuple(slice(max(0, -o), max(0, min(n, n - o))) for n, o in zip(shape, offset, strict=True))
    there = tuple(slice(max(0, o), max(0, min(n, n + o))) for n, o in zip(shape, offset, strict=True))
    return here, there
