"""Ids grown a little over the pixels of no id beside them, so that lines between cells do not hide contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def close_gaps(labels: NDArray[Any], pixels: int, within: NDArray[Any] | None = None) -> NDArray[Any]:
    """Give pixels of no id that of a neighbour, step by step.

    Parameters
    ----------
    labels : ndarray (y, x) of non-negative integers
        0 is none.
    pixels : int
        How many steps to the four neighbours; wider gaps are left open in the middle.
    within : ndarray (y, x), optional
        Steps lead from a pixel to another of the same value of this only.

    Returns
    -------
    ndarray (y, x)
        New array. Where two ids arrive in the same step, the higher one wins.
    """
    grown = np.pad(labels, 1)
    width = grown.shape[1]
    flat = grown.ravel()
    empty = np.flatnonzero(np.pad(labels == 0, 1))
    areas = None if within is None else np.pad(within, 1).ravel()
    for _ in range(pixels):
        if not empty.size:
            break
        around = np.zeros(empty.size, labels.dtype)
        for step in (-1, 1, -width, width):
            beside = flat[empty + step]
            if areas is not None:
                beside[areas[empty + step] != areas[empty]] = 0
            np.maximum(around, beside, out=around)
        reached = around != 0
        if not reached.any():
            break
        flat[empty[reached]] = around[reached]
        empty = empty[~reached]
    return grown[1:-1, 1:-1]
