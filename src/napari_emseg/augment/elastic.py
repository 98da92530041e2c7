"""Elastic deformation by control points.

Random vectors on a coarse grid through the stack, interpolated by cubic splines: Ronneberger et al. 2015 (U-Net) in
the form of gunpowder's ElasticAugment.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.fields import chance, option, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.augment.places import Places

_LIMIT = (
    3.0  # standard deviations: no pixel moves further, so that it is known how much source a sample needs
)


class Elastic(Settings):
    """How the tissue is stretched."""

    probability: float = chance(1.0)
    jitter_px: float = strength(
        2.0, "Displacement", "standard deviation of the control points in the section", unit="px", ge=0, le=50
    )
    spacing_px: int = option(40, "Grid in the section", "distance of control points", unit="px", ge=4, le=512)
    spacing_sections: int = option(
        4, "Grid through sections", "0: all sections share one field", unit="sections", ge=0, le=100
    )
    jitter_sections: float = strength(
        0.0,
        "Displacement through sections",
        "for isotropic stacks; mixes sections and is slower",
        unit="sections",
        more=True,
        ge=0,
        le=10,
    )


def elastic(places: Places, settings: Elastic, rng: np.random.Generator) -> Places:
    """Move places by a smooth random field that changes from section to section."""
    n = len(places.sections)
    planes = n if settings.spacing_sections else 1
    shape = (planes, *places.size)
    spacing = (max(settings.spacing_sections, 1), settings.spacing_px, settings.spacing_px)
    if settings.jitter_px > 0:
        field = np.stack([control_point_field(shape, settings.jitter_px, spacing, rng) for _ in range(2)])
        places = places.moved_by(field)
    if settings.jitter_sections > 0:
        depth = np.zeros((n, *places.size), np.float32) if places.depth is None else places.depth
        places = replace(
            places, depth=depth + control_point_field(shape, settings.jitter_sections, spacing, rng)
        )
    return places


def reach(half: NDArray[Any], settings: Elastic) -> NDArray[Any]:
    """How far from its centre (z, y, x) a sample of half extent `half` may have to look."""
    limit = _LIMIT * np.array([settings.jitter_sections, settings.jitter_px, settings.jitter_px])
    return half + limit


def control_point_field(
    shape: tuple[int, ...], sigma: float, spacing: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.float32]:
    """One component of a displacement field.

    Parameters
    ----------
    shape : tuple of int
        Extent of the field in pixels, any number of axes.
    sigma : float
        Standard deviation at the control points, which are normally distributed.
    spacing : tuple of int
        Distance of control points along each axis, in pixels.

    Returns
    -------
    ndarray float32
        Of this shape, nowhere further from 0 than three times `sigma`.
    """
    field = rng.normal(0, sigma, [nodes(n, s) for n, s in zip(shape, spacing, strict=True)])
    field = field.astype(np.float32)
    for axis, (n, s) in enumerate(zip(shape, spacing, strict=True)):
        # a spline through points on a regular grid is a product of matrices: one per axis
        field = np.moveaxis(np.tensordot(_spline(n, s), field, (1, axis)), 0, axis)
    return np.clip(field, -_LIMIT * sigma, _LIMIT * sigma)


def nodes(n: int, spacing: int) -> int:
    """Number of control points along an axis of n pixels."""
    return 1 if n == 1 else max(2, round(n / spacing) + 1)


@lru_cache(maxsize=64)
def _spline(n: int, spacing: int) -> NDArray[np.float32]:
    """Matrix (n, control points) that draws a natural cubic spline through its points."""
    from scipy.interpolate import CubicSpline

    count = nodes(n, spacing)
    if count == 1:
        return np.ones((n, 1), np.float32)
    spline = CubicSpline(np.linspace(0, n - 1, count), np.eye(count), bc_type="natural")
    weights: NDArray[np.float32] = spline(np.arange(n)).astype(np.float32)
    weights.flags.writeable = False
    return weights
