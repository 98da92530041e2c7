"""Piecewise affine deformation: the corners of a coarse mesh move, each triangle is mapped linearly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.fields import chance, option, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.augment.places import Places

_LIMIT = 3.0  # standard deviations


class PiecewiseAffine(Settings):
    """How far the corners of the mesh may move."""

    probability: float = chance(0.5)
    jitter_px: float = strength(3.0, "Displacement", "standard deviation of a corner", unit="px", ge=0, le=50)
    spacing_px: int = option(64, "Mesh", "distance of corners", unit="px", ge=8, le=512)


def piecewise_affine(places: Places, settings: PiecewiseAffine, rng: np.random.Generator) -> Places:
    """Move places by a mesh of triangles that all sections share."""
    counts = [max(2, round(n / settings.spacing_px) + 1) for n in places.size]
    limit = _LIMIT * settings.jitter_px
    corners = np.clip(rng.normal(0, settings.jitter_px, (2, *counts)), -limit, limit)
    return places.moved_by(mesh_field(corners, places.size)[:, None])


def mesh_field(corners: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float32]:
    """Displacement (2, y, x) from that of the corners (2, rows, columns) of a regular mesh.

    Every cell of the mesh is cut into two triangles along its diagonal, and inside each the displacement is linear.
    """
    at = [np.linspace(0, c - 1, n) for c, n in zip(corners.shape[1:], size, strict=True)]
    cell = [np.minimum(a.astype(np.intp), c - 2) for a, c in zip(at, corners.shape[1:], strict=True)]
    v, u = (at[0] - cell[0])[:, None], (at[1] - cell[1])[None]
    i, j = cell[0][:, None], cell[1][None]
    a, b, c, d = (corners[:, i + di, j + dj] for di, dj in ((0, 0), (0, 1), (1, 0), (1, 1)))
    upper = a + u * (b - a) + v * (d - b)
    lower = a + v * (c - a) + u * (d - c)
    return np.asarray(np.where(u >= v, upper, lower), dtype=np.float32)


def reach(half: NDArray[Any], settings: PiecewiseAffine) -> NDArray[Any]:
    """How far from its centre (z, y, x) a sample of half extent `half` may have to look."""
    limit = _LIMIT * settings.jitter_px
    return np.asarray(half + np.array([0, limit, limit]))
