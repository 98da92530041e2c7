"""Coarser levels of a volume: images by mean, object ids by the commonest, block by block."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

SCREEN = 512  # a level whose sections are no larger than this needs none below it
_MOST_LEVELS = 12

Factors = tuple[int, int, int]


def level_factors(
    shape: Sequence[int], spacing_nm: Spacing | None, levels: int | None = None
) -> list[Factors]:
    """By which factors (z, y, x) each level is coarser than the one before it; one entry less than levels.

    Axes are halved so that voxels become isotropic first and stay so: thick sections stay apart until pixels
    are as large. Where the voxel size is unknown, sections stay apart.

    Parameters
    ----------
    shape : sequence of int
        Full extent (z, y, x).
    spacing_nm : tuple of float or None
        Voxel size (z, y, x).
    levels : int, optional
        How many levels in all; by default until a section is no larger than 512 x 512.

    Examples
    --------
    >>> level_factors((100, 2048, 2048), (40.0, 4.0, 4.0))
    [(1, 2, 2), (1, 2, 2)]
    """
    steps: list[Factors] = []
    size = [float(s) for s in (spacing_nm or (np.inf, 1.0, 1.0))]
    extent = [int(n) for n in shape]
    while len(steps) < _MOST_LEVELS - 1:
        if (len(steps) + 1 >= levels) if levels is not None else max(extent[1:]) <= SCREEN:
            break
        finest = min(s for s, n in zip(size, extent, strict=True) if n > 1) if max(extent) > 1 else 0.0
        # Half as much again: 6 nm sections of 4 nm pixels are halved together.
        step = [2 if n > 1 and s < 1.5 * finest else 1 for s, n in zip(size, extent, strict=True)]
        if max(step) == 1:
            break
        steps.append((step[0], step[1], step[2]))
        size = [s * f for s, f in zip(size, step, strict=True)]
        extent = [-(-n // f) for n, f in zip(extent, step, strict=True)]
    return steps


def shrink(block: NDArray[Any], factors: Factors, *, is_labels: bool) -> NDArray[Any]:
    """One level coarser.

    Parameters
    ----------
    block : ndarray (z, y, x)
        Voxels; an edge that the factors do not divide is taken from the voxels that there are.
    factors : tuple of int
        1 or 2 for each axis.
    is_labels : bool
        Take the commonest id and not the mean; of equally common ones the first in z, y, x.

    Returns
    -------
    ndarray
        Of the same type; means of integers are rounded.
    """
    pad = [(0, -n % f) for n, f in zip(block.shape, factors, strict=True)]
    if any(after for _, after in pad):
        block = np.pad(block, pad, mode="edge")
    starts = product(*(range(f) for f in factors))
    parts = [block[z :: factors[0], y :: factors[1], x :: factors[2]] for z, y, x in starts]
    return _commonest(parts) if is_labels else _mean(parts, block.dtype)


def _mean(parts: list[NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
    wide = np.float32 if dtype.itemsize <= 2 else np.float64
    # There are 1, 2, 4 or 8 of them: dividing first is as exact, and no sum grows too large.
    total: NDArray[Any] = np.divide(parts[0], len(parts), dtype=wide)
    for part in parts[1:]:
        np.add(total, np.divide(part, len(parts), dtype=wide), out=total)
    return np.rint(total).astype(dtype) if dtype.kind in "ui" else total.astype(dtype)


def _commonest(parts: list[NDArray[Any]]) -> NDArray[Any]:
    best, most = parts[0].copy(), np.zeros(parts[0].shape, np.uint8)
    for part in parts:
        votes = np.zeros(part.shape, np.uint8)
        for other in parts:
            votes += part == other
        better = votes > most
        best[better], most[better] = part[better], votes[better]
    return best
