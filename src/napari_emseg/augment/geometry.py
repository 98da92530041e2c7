"""Mirrors, rotation, scaling, shear, elastic deformation and misalignment for sections with their neighbours.

One bundle for networks that learn a single section: all its sections share their geometry, except that neighbours
may be misaligned. Its parts also exist one by one, with more settings: `mirror`, `affine`, `elastic`, `slip`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.affine import rotation, turned
from napari_emseg.augment.elastic import control_point_field
from napari_emseg.augment.fields import chance, option, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.augment.places import Places

_LIMIT = 3.0  # standard deviations: neighbours are moved no further


class Geometry(Settings):
    """How far the geometry of a sample may stray."""

    mirror: bool = option(True, "Mirror and transpose")
    rotation_deg: float = strength(180.0, "Rotation up to", unit="°", ge=0, le=180)
    rotation_probability: float = chance(0.5, "Rotate how often")
    scale: float = strength(1.25, "Scale up to", "and down to its inverse", neutral=1, ge=1, le=4)
    shear: float = strength(0.08, "Shear up to", "tangent of the angle", ge=0, le=1)
    elastic_px: float = strength(3.0, "Elastic displacement", "standard deviation", unit="px", ge=0, le=50)
    elastic_spacing_px: int = option(40, "Elastic grid", unit="px", ge=4, le=512)
    elastic_probability: float = chance(0.6, "Deform how often")
    misalign_px: float = strength(
        2.0, "Misalignment of neighbours", "standard deviation", unit="px", ge=0, le=50
    )
    misalign_probability: float = chance(0.3, "Misalign how often")


def geometry(places: Places, settings: Geometry, rng: np.random.Generator) -> Places:
    """Turn, scale, shear and deform all sections alike, and misalign those beside the middle one."""
    places = places.mapped(draw_matrix(settings, rng))
    if settings.elastic_px > 0 and rng.random() < settings.elastic_probability:
        spacing = (settings.elastic_spacing_px,) * 2
        field = [control_point_field(places.size, settings.elastic_px, spacing, rng) for _ in range(2)]
        places = places.moved_by(np.stack(field)[:, None])
    return places.shifted(misalignment(len(places.sections), settings, rng))


def draw_matrix(settings: Geometry, rng: np.random.Generator) -> NDArray[Any]:
    """Random matrix (2, 2) from coordinates (y, x) of the sample to those of the source."""
    matrix: NDArray[Any] = np.eye(2) * settings.scale ** rng.uniform(-1, 1)
    if rng.random() < settings.rotation_probability:
        matrix = matrix @ rotation(np.deg2rad(rng.uniform(-settings.rotation_deg, settings.rotation_deg)))
        matrix = matrix @ np.array([[1, rng.uniform(-settings.shear, settings.shear)], [0, 1]])
    if settings.mirror:
        matrix = matrix @ np.diag(rng.choice((-1.0, 1.0), 2))
        if rng.random() < 0.5:
            matrix = matrix[:, ::-1]
    return matrix


def misalignment(n_sections: int, settings: Geometry, rng: np.random.Generator) -> NDArray[np.float64]:
    """Random shifts (y, x) of the neighbours of the middle section, which itself stays."""
    shifts = np.zeros((n_sections, 2))
    limit = _LIMIT * settings.misalign_px
    for z in range(n_sections):
        if z != n_sections // 2 and rng.random() < settings.misalign_probability:
            shifts[z] = np.clip(rng.normal(0, settings.misalign_px, 2), -limit, limit)
    return shifts


def reach(half: NDArray[Any], settings: Geometry) -> NDArray[Any]:
    """How far from its centre (z, y, x) a sample of half extent `half` may have to look."""
    y, x = half[1:]
    if settings.mirror:
        y = x = max(y, x)
    if settings.rotation_probability > 0:
        y, x = turned(np.array([y + settings.shear * x, x]), settings.rotation_deg)
    more = _LIMIT * (
        settings.elastic_px * (settings.elastic_probability > 0)
        + settings.misalign_px * (settings.misalign_probability > 0)
    )
    return np.array([half[0], y * settings.scale + more, x * settings.scale + more])
