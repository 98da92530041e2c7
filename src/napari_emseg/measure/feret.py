"""Minimum Feret diameter: the least distance of two parallel lines between which a shape fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def least_width(mask: NDArray[np.bool_], step: float) -> float:
    """Least width of a shape over all directions.

    The narrowest pair of lines has one edge of the convex hull on one of them (rotating calipers; Shamos 1978).

    Parameters
    ----------
    mask : ndarray of bool (y, x)
        Pixels of the shape; a pixel is a square, and its corners count.
    step : float
        Length of a pixel's side.

    Returns
    -------
    float
        In the unit of ``step``; 0 for an empty mask.
    """
    corners = _outline_corners(mask)
    if not len(corners):
        return 0.0
    hull = _hull(corners)
    edges = np.roll(hull, -1, axis=0) - hull
    normals = np.stack([-edges[:, 1], edges[:, 0]], 1) / np.linalg.norm(edges, axis=1)[:, None]
    heights = normals @ hull.T
    return float((heights.max(1) - heights.min(1)).min()) * step


def _outline_corners(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Corners of the first and last pixel of every row: the hull has no others."""
    rows = np.flatnonzero(mask.any(1))
    left = mask[rows].argmax(1)
    right = mask.shape[1] - mask[rows][:, ::-1].argmax(1)
    return np.concatenate([np.stack([rows + up, side], 1) for up in (0, 1) for side in (left, right)]).astype(
        np.float64
    )


def _hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convex hull, counter-clockwise (Andrew's monotone chain; the points come from rows and are few)."""
    ordered = np.unique(points, axis=0).tolist()

    def half(row: list[list[float]]) -> list[list[float]]:
        chain: list[list[float]] = []
        for p in row:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
        return chain[:-1]

    return np.asarray(half(ordered) + half(ordered[::-1]))


def _turn(a: list[float], b: list[float], c: list[float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
