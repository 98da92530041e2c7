"""Minimum Feret diameter: the least distance of two parallel lines between which a shape fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def least_width(mask: NDArray[np.bool_]) -> float:
    """Least width of a shape over all directions.

    The narrowest pair of lines has one edge of the convex hull on one of them (rotating calipers; Shamos 1978).

    Parameters
    ----------
    mask : ndarray of bool (y, x)
        Fine samples of the shape. They count as points, with a quarter of a sample on either side: of outlines that do not
        follow the rows some samples lie nearly on the outline, and squares around them would stick out.

    Returns
    -------
    float
        In samples, at least 1; 0 for an empty mask.
    """
    points = _row_ends(mask)
    if not len(points):
        return 0.0
    hull = _hull(points)
    if len(hull) < 3:
        return 1.0
    edges = np.roll(hull, -1, axis=0) - hull
    length = np.linalg.norm(edges, axis=1)
    normals = np.stack([-edges[:, 1], edges[:, 0]], 1) / length[:, None]
    heights = normals @ hull.T
    return max(1.0, float((heights.max(1) - heights.min(1)).min()) + 0.5)


def _row_ends(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """First and last sample of every row: the hull has no others."""
    rows = np.flatnonzero(mask.any(1))
    left = mask[rows].argmax(1)
    right = mask.shape[1] - 1 - mask[rows][:, ::-1].argmax(1)
    return np.concatenate([np.stack([rows, side], 1) for side in (left, right)]).astype(np.float64)


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
