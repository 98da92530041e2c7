"""Rotation, scaling, aspect, shear and translation of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.fields import chance, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.augment.places import Places


class Affine(Settings):
    """How far the sample may be turned and scaled."""

    probability: float = chance(1.0)
    rotation_deg: float = strength(180.0, "Rotation up to", "either way", unit="°", ge=0, le=180)
    scale: float = strength(1.1, "Scale up to", "and down to its inverse", neutral=1, ge=1, le=4)
    aspect: float = strength(
        1.0, "Stretch up to", "of one axis against the other", neutral=1, ge=1, le=2, more=True
    )
    shear: float = strength(0.0, "Shear up to", "tangent of the angle", ge=0, le=1, more=True)
    translate_px: float = strength(0.0, "Translate up to", unit="px", ge=0, le=200, more=True)


def affine(places: Places, settings: Affine, rng: np.random.Generator) -> Places:
    """Apply one random affine map to all sections."""
    places = places.mapped(draw_matrix(settings, rng))
    if settings.translate_px > 0:
        offset = rng.uniform(-settings.translate_px, settings.translate_px, 2)
        places = places.moved_by(offset[:, None, None, None])
    return places


def draw_matrix(settings: Affine, rng: np.random.Generator) -> NDArray[Any]:
    """Random matrix (2, 2) from coordinates (y, x) of the sample to those of the source."""
    scale = settings.scale ** rng.uniform(-1, 1)
    aspect = np.sqrt(settings.aspect) ** rng.uniform(-1, 1)
    shear = rng.uniform(-settings.shear, settings.shear)
    angle = np.deg2rad(rng.uniform(-settings.rotation_deg, settings.rotation_deg))
    matrix: NDArray[Any] = scale * rotation(angle) @ np.diag([aspect, 1 / aspect]) @ [[1, shear], [0, 1]]
    return matrix


def rotation(angle: float) -> NDArray[Any]:
    """Matrix (2, 2) that turns (y, x) by an angle in radians."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def turned(half: NDArray[Any], rotation_deg: float) -> NDArray[Any]:
    """Half extents (y, x) of the box around a box turned by at most this angle."""
    y, x = half
    angles = np.deg2rad([0.0, min(rotation_deg, 90.0), rotation_deg])
    corner = [a for a in (np.arctan2(x, y), np.arctan2(y, x)) if a <= np.deg2rad(rotation_deg)]
    c, s = (np.abs(f(np.concatenate([angles, corner]))) for f in (np.cos, np.sin))
    return np.array([(c * y + s * x).max(), (s * y + c * x).max()])


def reach(half: NDArray[Any], settings: Affine) -> NDArray[Any]:
    """How far from its centre (z, y, x) a sample of half extent `half` may have to look."""
    y, x = half[1:]
    stretched = np.array([y + settings.shear * x, x]) * np.sqrt(settings.aspect) * settings.scale
    return np.concatenate([half[:1], turned(stretched, settings.rotation_deg) + settings.translate_px])
