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
    flat = out.ravel()
    # What was part of a large area at one level is so at the next: few pixels are left to be asked about.
    asked = np.flatnonzero(flat < LEVELS[-1])
    large_at = asked[:0]  # a pixel of every large area
    for level in LEVELS:
        if not asked.size:
            break
        areas, n = cc3d.connected_components(
            boundary < level, connectivity=4, out_dtype=np.uint32, return_N=True
        )
        areas = areas.ravel()
        area = areas[asked]
        is_large = np.bincount(area, minlength=n + 1) >= area_px
        is_large[areas[large_at]] = True
        is_large[0] = False
        pixel_of = np.zeros(is_large.size, np.intp)
        pixel_of[area] = asked
        pixel_of[areas[large_at]] = large_at
        large_at = pixel_of[is_large]
        stays = ~is_large[area]
        flat[asked[stays & (area > 0)]] = level
        asked = asked[stays]
    return out
