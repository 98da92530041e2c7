"""Objects that a membrane keeps apart, grown towards each other: who faces whom across a gap, and how wide it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

_ROUNDING = 1e-6
_DETOUR = 1.5
"""Way over the surface between two objects, in straight ways: more is not between them but beside them both."""


@dataclass(frozen=True, slots=True, eq=False)
class Bridge:
    """How far and where empty voxels look for an object.

    Attributes
    ----------
    steps : ndarray of int64 (n, 3)
        To all voxels that count, in voxels (z, y, x), the nearest first; the first is (0, 0, 0).
    rank : ndarray of int64 (n,)
        Steps of the same length have the same rank.
    gap_nm : float
    spacing_nm : (z, y, x)
    """

    steps: NDArray[np.int64]
    rank: NDArray[np.int64]
    gap_nm: float
    spacing_nm: Spacing

    @property
    def reach(self) -> tuple[int, int, int]:
        """Voxels that it looks away, per axis."""
        z, y, x = np.abs(self.steps).max(0).tolist()
        return z, y, x


def bridge(gap_nm: float, spacing_nm: Spacing) -> Bridge:
    """Prepare to bridge gaps of at most some nanometres.

    An empty voxel counts as reached if the free way from the object's voxel to its middle is at most half the gap: so
    both sides of a gap meet.
    """
    size = np.asarray(spacing_nm, np.float64)
    most = np.floor((gap_nm / 2 + _ROUNDING) / size + 0.5).astype(int)
    axes = [np.arange(-n, n + 1) for n in most]
    steps = np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")], 1)
    length = np.linalg.norm(steps * size, axis=1)
    count = np.abs(steps).max(1)
    free = length * (1 - 0.5 / np.maximum(count, 1))
    keep = (count == 0) | (free <= gap_nm / 2 + _ROUNDING)
    steps, length = steps[keep], np.round(length[keep] / _ROUNDING).astype(np.int64)
    order = np.lexsort((steps[:, 2], steps[:, 1], steps[:, 0], length))
    _, rank = np.unique(length[order], return_inverse=True)
    return Bridge(steps[order], rank.astype(np.int64), gap_nm, spacing_nm)


def grow_towards(
    labels: NDArray[Any], names: NDArray[np.int64], how: Bridge
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Give empty voxels to the nearest object within reach; of several equally near ones to the one with the lowest id.

    Parameters
    ----------
    labels : ndarray of unsigned int (z, y, x)
        Numbers of objects; 0 is none.
    names : ndarray of int64 (n,)
        The id of every number.
    how : Bridge

    Returns
    -------
    labels : ndarray (z, y, x)
    step : ndarray of int32 (z, y, x)
        Which of ``how.steps`` leads to the object; 0 for its own voxels.
    """
    pad = how.reach
    wide = np.pad(labels, [(n, n) for n in pad])
    found, step = labels.copy(), np.zeros(labels.shape, np.int32)
    open_ = np.flatnonzero(labels == 0)
    width = np.asarray(wide.shape)
    at = np.stack(np.unravel_index(open_, labels.shape), 1) + np.asarray(pad)
    place = (at[:, 0] * width[1] + at[:, 1]) * width[2] + at[:, 2]
    flat, result, used = wide.ravel(), found.ravel(), step.ravel()
    for rank in range(1, int(how.rank[-1]) + 1 if how.rank.size else 1):
        best, by = np.zeros(open_.size, labels.dtype), np.zeros(open_.size, np.int32)
        for k in np.flatnonzero(how.rank == rank).tolist():
            dz, dy, dx = how.steps[k].tolist()
            there = flat[place + ((dz * width[1] + dy) * width[2] + dx)]
            better = (there > 0) & ((best == 0) | (names[there] < names[best]))
            best[better], by[better] = there[better], k
        hit = best > 0
        result[open_[hit]], used[open_[hit]] = best[hit], by[hit]
        open_, place = open_[~hit], place[~hit]
        if not open_.size:
            break
    return found, step


def gap_between(step: NDArray[np.int64], spacing_nm: Spacing) -> NDArray[np.float64]:
    """Free way between two voxels, in nanometres.

    Parameters
    ----------
    step : ndarray of int64 (n, 3)
        From one to the other, in voxels.

    Returns
    -------
    ndarray of float64 (n,)
        Of the line between their middles, the part that lies outside of both; 0 where they touch.
    """
    length = np.linalg.norm(step * np.asarray(spacing_nm), axis=1)
    return np.asarray(length * (1 - 1 / np.maximum(np.abs(step).max(1), 1)))


def is_between(
    one: NDArray[np.int64], other: NDArray[np.int64], step: NDArray[np.int64], how: Bridge
) -> NDArray[np.bool_]:
    """Whether faces lie in a gap that counts.

    Parameters
    ----------
    one, other : ndarray of int64 (n, 3)
        Steps from the two voxels of a face to the objects that they went to.
    step : ndarray of int64 (3,)
        From the first voxel of a face to the second.
    how : Bridge
    """
    size = np.asarray(how.spacing_nm)
    ways = step + other - one
    straight = np.linalg.norm(ways * size, axis=1)
    over = sum(np.linalg.norm(way * size, axis=-1) for way in (one, step, other))
    near = gap_between(ways, how.spacing_nm) <= how.gap_nm + _ROUNDING
    return np.asarray(near & (over <= _DETOUR * straight))
