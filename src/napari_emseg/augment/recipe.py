"""An augmentation recipe: geometry and appearance with their probabilities, read from YAML or a form."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from napari_emseg.augment import APPEARANCE
from napari_emseg.augment.blur import Blur
from napari_emseg.augment.geometry import Geometry, misalignment, resample, source_coordinates
from napari_emseg.augment.intensity import Intensity
from napari_emseg.augment.missing import Missing
from napari_emseg.augment.noise import Noise
from napari_emseg.augment.stains import Stains
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Augmentation(Settings):
    """All augmentations of a training; None leaves one out."""

    geometry: Geometry = Field(default_factory=Geometry)
    intensity: Intensity | None = Field(default_factory=Intensity)
    blur: Blur | None = Field(default_factory=Blur)
    noise: Noise | None = Field(default_factory=Noise)
    stains: Stains | None = Field(default_factory=Stains)
    missing: Missing | None = Field(default_factory=Missing)


def change_appearance(
    image: NDArray[np.float32], recipe: Augmentation, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Apply each appearance augmentation of the recipe with its probability to an image (sections, y, x)."""
    for name, place in APPEARANCE.items():
        settings = getattr(recipe, name)
        if settings is not None and rng.random() < settings.probability:
            module, function = place.split(":")
            image = getattr(import_module(module), function)(image, settings, rng)
    return image


def draw_sample(
    image: NDArray[np.float32],
    truth: NDArray[np.uint8],
    centre: tuple[float, float],
    size: tuple[int, int],
    recipe: Augmentation,
    rng: np.random.Generator,
    *,
    zoom: float = 1.0,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """One augmented sample around a centre.

    Parameters
    ----------
    image : ndarray (sections, y, x) float32
        Whole normalised sections: the middle one and its neighbours.
    truth : ndarray (targets, y, x) uint8
        Truth of the middle section.
    centre : (y, x)
        In pixels of the section.
    size : (y, x)
        Extent of the sample.
    zoom : float
        Section pixels per sample pixel.
    """
    places = source_coordinates(size, recipe.geometry, rng, zoom=zoom)
    places += np.asarray(centre, dtype=np.float32)[:, None, None]
    drawn, known = resample(image, truth, places, misalignment(len(image), recipe.geometry, rng))
    return change_appearance(drawn, recipe, rng), known
