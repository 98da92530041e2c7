"""Fill specks: places that a boundary map calls cell but that are too small to be one.

A grey-level area closing (Vincent 1993) on a few levels: at each of them, connected areas below the level that are
smaller than asked for are raised to it. Vesicles and the cristae of mitochondria leave such specks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS: tuple[float, ...] = tuple(round(0.05 * n, 2) for n in range(1, 20))
"""Probabilities at which maps are usually cut."""


def fill_specks(boundary: NDArray[np.float32], area_px: float) -> NDArray[np.float32]:
    """Raise every 4-connected area of low probability that is smaller than `area_px`.

    Parameters
    ----------
    boundary : ndarray (y, x) float32
        Probability that a pixel is membrane. Not changed.
    area_px : float
        Smallest area that can be a cell, in pixels.

    Returns
    -------
    ndarray (y, x) float32
        Nowhere lower than `boundary`.

    Examples
    --------
    >>> ring = np.ones((5, 5), np.float32)
    >>> ring[2, 2] = 0
    >>> float(fill_specks(ring, 2)[2, 2])
    0.95
    """
    import cc3d

    out = boundary.copy()
    for level in LEVELS:
        areas = cc3d.connected_components(out < level, connectivity=4, out_dtype=np.uint32)
        small = np.bincount(areas.ravel()) < area_px
        small[0] = False
        if small.any():
            out[small[areas]] = level
    return out
