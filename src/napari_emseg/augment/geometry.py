"""Mirrors, rotation, scaling, shear, elastic deformation and misalignment in one resampling.

A sample is drawn by computing, for each pixel of it, where in the section it comes from; the section is
read once at those places, so that no pixel is ever interpolated twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field
from scipy import ndimage as ndi

from napari_emseg.core.learning import IGNORE
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Geometry(Settings):
    """How far the geometry of a sample may stray."""

    mirror: bool = Field(True, title="Mirror and transpose")
    rotation_deg: float = Field(180.0, title="Rotation up to", ge=0, le=180)
    rotation_probability: float = Field(0.5, title="Rotate how often", ge=0, le=1)
    scale: float = Field(1.25, title="Scale up to", description="and down to its inverse", ge=1, le=4)
    shear: float = Field(0.08, title="Shear up to", ge=0, le=1)
    elastic_px: float = Field(
        3.0, title="Elastic displacement", description="standard deviation", ge=0, le=50
    )
    elastic_spacing_px: int = Field(40, title="Elastic grid", ge=4, le=512)
    elastic_probability: float = Field(0.6, title="Deform how often", ge=0, le=1)
    misalign_px: float = Field(
        2.0, title="Misalignment of neighbours", description="standard deviation", ge=0, le=50
    )
    misalign_probability: float = Field(0.3, title="Misalign how often", ge=0, le=1)


def source_coordinates(
    size: tuple[int, int], settings: Geometry, rng: np.random.Generator, *, zoom: float = 1.0
) -> NDArray[np.float32]:
    """Where each pixel of a sample comes from, relative to its centre.

    Parameters
    ----------
    size : (y, x)
        Extent of the sample in pixels.
    zoom : float
        Source pixels per sample pixel before augmentation (pixel size of the sample over that of the source).

    Returns
    -------
    ndarray (2, y, x) float32
        Displacement from the centre in source pixels, (y, x).
    """
    grid = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in size), indexing="ij"))
    matrix = np.eye(2) * zoom * settings.scale ** rng.uniform(-1, 1)
    if rng.random() < settings.rotation_probability:
        angle = np.deg2rad(rng.uniform(-settings.rotation_deg, settings.rotation_deg))
        matrix = matrix @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = matrix @ np.array([[1, rng.uniform(-settings.shear, settings.shear)], [0, 1]])
    if settings.mirror:
        matrix = matrix @ np.diag(rng.choice((-1.0, 1.0), 2))
        if rng.random() < 0.5:
            matrix = matrix[:, ::-1]
    places = np.tensordot(matrix, grid, 1)
    if settings.elastic_px > 0 and rng.random() < settings.elastic_probability:
        places += elastic_field(size, settings.elastic_px * zoom, settings.elastic_spacing_px, rng)
    return places.astype(np.float32)


def elastic_field(
    size: tuple[int, int], amplitude: float, spacing: int, rng: np.random.Generator
) -> NDArray[Any]:
    """Smooth random displacement: independent normal vectors on a grid, interpolated by cubic splines.

    The control-point scheme of Ronneberger et al. 2015 (U-Net) and gunpowder's ElasticAugment.

    Returns
    -------
    ndarray (2, y, x)
        Displacement in pixels.
    """
    nodes = [n // spacing + 4 for n in size]
    control = rng.normal(0, amplitude, (2, *nodes))
    at = np.meshgrid(*(np.arange(n) / spacing + 1 for n in size), indexing="ij")
    return np.stack([ndi.map_coordinates(c, at, order=3, mode="nearest") for c in control])


def resample(
    image: NDArray[np.float32], truth: NDArray[np.uint8], places: NDArray[np.float32], shifts: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Read image and truth at these places.

    Parameters
    ----------
    image : ndarray (sections, y, x) float32
        Read linearly, mirrored beyond its borders.
    truth : ndarray (targets, y, x) uint8
        Read at the nearest pixel; ``IGNORE`` beyond its borders.
    places : ndarray (2, y, x) float32
        Coordinates in pixels.
    shifts : ndarray (sections, 2)
        Additional displacement of each section of the image.
    """
    drawn = np.stack(
        [
            ndi.map_coordinates(
                section, places + shift[:, None, None].astype(np.float32), order=1, mode="mirror"
            )
            for section, shift in zip(image, shifts, strict=True)
        ]
    )
    nearest = np.rint(places).astype(np.intp)
    inside = np.ones(places.shape[1:], dtype=bool)
    for axis, n in enumerate(truth.shape[1:]):
        inside &= (nearest[axis] >= 0) & (nearest[axis] < n)
        nearest[axis] = np.clip(nearest[axis], 0, n - 1)
    known = truth[:, nearest[0], nearest[1]]
    known[:, ~inside] = IGNORE
    return drawn, known


def misalignment(n_sections: int, settings: Geometry, rng: np.random.Generator) -> NDArray[np.float64]:
    """Random shifts (y, x) of the neighbours of the middle section, which itself stays."""
    shifts = np.zeros((n_sections, 2))
    for z in range(n_sections):
        if z != n_sections // 2 and rng.random() < settings.misalign_probability:
            shifts[z] = rng.normal(0, settings.misalign_px, 2)
    return shifts
