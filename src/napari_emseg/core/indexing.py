"""Numpy-style keys turned into one box of voxels and a key inside that box."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_emseg.core.edit import Region


@dataclass(frozen=True, slots=True)
class BoxKey:
    """The smallest box that holds everything a key reaches, and the key relative to that box."""

    region: Region
    local: tuple[Any, ...]


def _expand(key: Any, ndim: int) -> list[Any]:
    """One entry per axis: ellipsis filled in, masks turned into index arrays."""
    parts: list[Any] = []
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, (list, np.ndarray)):
            array = np.asarray(part)
            if array.dtype == bool:
                parts.extend(array.nonzero())
            else:
                parts.append(array.astype(np.intp) if array.size == 0 else array)
        else:
            parts.append(part)
    dots = [i for i, part in enumerate(parts) if part is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index holds more than one ellipsis")
    at = dots[0] if dots else len(parts)
    given = len(parts) - len(dots)
    if given > ndim:
        raise IndexError(f"{given} indices for {ndim} axes")
    return [*parts[:at], *[slice(None)] * (ndim - given), *parts[at + len(dots) :]]


def _axis(part: Any, n: int) -> tuple[int, int, Any]:
    """Start and stop on one axis of length n, and the index relative to start."""
    if isinstance(part, slice):
        steps = range(*part.indices(n))
        if len(steps) == 0:
            return 0, 0, slice(0, 0)
        low, high = min(steps[0], steps[-1]), max(steps[0], steps[-1])
        return low, high + 1, slice(None, None, steps.step)
    if isinstance(part, np.ndarray) and part.ndim > 0:
        if not np.issubdtype(part.dtype, np.integer):
            raise IndexError("index arrays must hold integers or booleans")
        if part.size == 0:
            return 0, 0, part.astype(np.intp)
        index = part.astype(np.intp)
        low, high = int(index.min()), int(index.max())
        if low < -n or high >= n:
            raise IndexError(f"index {low if low < -n else high} is out of bounds for an axis of {n}")
        if low < 0:
            index = np.where(index < 0, index + n, index)
            low, high = int(index.min()), int(index.max())
        return low, high + 1, index - low
    position = operator.index(part)
    if not -n <= position < n:
        raise IndexError(f"index {position} is out of bounds for an axis of {n}")
    position %= n
    return position, position + 1, 0


def box_key(key: Any, shape: tuple[int, int, int]) -> BoxKey:
    """Resolve a numpy key over a (z, y, x) array.

    Parameters
    ----------
    key : int, slice, ellipsis, integer or boolean array, or tuple of these
        As numpy understands it; new axes are refused.
    shape : tuple of int
        (z, y, x) of the array.

    Raises
    ------
    IndexError
        As numpy does.
    """
    axes = [_axis(part, n) for part, n in zip(_expand(key, 3), shape, strict=True)]
    (z0, z1, z), (y0, y1, y), (x0, x1, x) = axes
    return BoxKey(Region((z0, y0, x0), (z1, y1, x1)), (z, y, x))


def point_sections(key: Any) -> tuple[np.ndarray, ...] | None:
    """The three index arrays of a key that names single voxels in several sections, else None.

    Such keys are handled section by section: their common box could span the whole stack.
    """
    parts = _expand(key, 3)
    if not all(isinstance(part, np.ndarray) and part.ndim == 1 for part in parts):
        return None
    z, y, x = np.broadcast_arrays(*parts)
    if z.size == 0 or int(z.min()) == int(z.max()):
        return None
    return z, y, x
