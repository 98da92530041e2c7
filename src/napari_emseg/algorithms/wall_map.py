"""A boundary map drawn anew from what is known about its walls: gaps closed, false walls taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from napari_emseg.algorithms.agglomeration import merge_order
from napari_emseg.algorithms.contacts import Contacts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.algorithms.walls import Walls


def redraw(
    boundary: NDArray[np.float32], walls: Walls, chance: NDArray[np.floating], reach_px: float
) -> NDArray[np.float32]:
    """Make a boundary map agree with its walls.

    Parameters
    ----------
    boundary : ndarray (y, x) float32
        Probability of membrane in [0, 1].
    walls : Walls
        Of it.
    chance : ndarray (walls,)
        That a wall is true.
    reach_px : float
        Pixels that are no further than this from a wall belong to it.

    Returns
    -------
    ndarray (y, x) float32
        Cut at any threshold, two pieces are apart where joining pieces in the order of the mean chance of their
        common walls has not brought them together at that threshold (an ultrametric contour map, Arbeláez 2006,
        doi:10.1109/CVPRW.2006.48). Elsewhere it is `boundary`, but near a wall no higher than the wall.
    """
    height = wall_heights(walls, chance)
    if not height.size:
        return boundary.copy()
    of_face = height[walls.wall].astype(np.float32)
    line = np.zeros(boundary.size, np.float32)
    np.maximum.at(line, walls.here, of_face)
    flat = line.copy()
    np.maximum.at(flat, walls.there, of_face)
    both = flat.reshape(boundary.shape)
    distance, nearest = ndi.distance_transform_edt(both == 0, return_indices=True)
    near = np.where(distance <= reach_px, both[tuple(nearest)], np.float32(1))
    return np.maximum(np.minimum(boundary, near), line.reshape(boundary.shape))


def wall_heights(walls: Walls, chance: NDArray[np.floating]) -> NDArray[np.float64]:
    """The threshold from which on the pieces beside a wall are one.

    Pieces are joined where the mean chance of their common wall is lowest, weighted by length, again and again
    (average linkage).

    Returns
    -------
    ndarray (walls,)
        In [0, 1], above 0 so that no wall is lost.
    """
    a, b = walls.a, walls.b
    known = np.nan_to_num(np.asarray(chance, float), nan=1.0)  # a wall of which nothing is known stands
    steps = merge_order(Contacts(a, b, walls.length, known))
    up = np.arange(
        walls.n_ids + len(steps)
    )  # a forest: pieces, then unions in the order in which they are made
    value = np.zeros(up.size)
    root = np.arange(walls.n_ids)
    highest = 0.0
    for n, (kept, gone, at) in enumerate(steps, walls.n_ids):
        up[root[kept]] = up[root[gone]] = n
        root[kept] = n
        highest = value[n] = max(highest, at)
    level = np.zeros(up.size, np.intp)
    for n in range(up.size - 1, -1, -1):
        level[n] = 0 if up[n] == n else level[up[n]] + 1
    one, other = a.copy(), b.copy()
    while (apart := one != other).any():
        lower = apart & (level[one] >= level[other])
        higher = apart & (level[other] >= level[one])
        one[lower], other[higher] = up[one[lower]], up[other[higher]]
    return np.maximum(value[one], 1e-3)
