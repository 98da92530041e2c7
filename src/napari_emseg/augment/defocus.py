"""Defocus of thick lenses: a disc instead of a point, with hard edges unlike a Gaussian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.fields import chance, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Defocus(Settings):
    """How far out of focus a section may be."""

    probability: float = chance(0.1)
    per_section: float = chance(0.3, "Of the sections", "chance of each, at least one")
    radius_px: float = strength(2.5, "Radius up to", "of the disc", unit="px", ge=0, le=10)


def defocus(image: NDArray[np.float32], settings: Defocus, rng: np.random.Generator) -> NDArray[np.float32]:
    """Put some sections of an image (sections, y, x) out of focus, each by its own amount."""
    from scipy import ndimage as ndi

    out = image.copy()
    struck = np.flatnonzero(rng.random(len(image)) < settings.per_section)
    for z in struck if struck.size else [int(rng.integers(len(image)))]:
        out[z] = ndi.convolve(image[z], disc_kernel(rng.uniform(0, settings.radius_px)), mode="mirror")
    return out


def disc_kernel(radius_px: float) -> NDArray[Any]:
    """Kernel of a disc with a soft rim of one pixel, sum 1; radius 0 gives a single pixel."""
    half = int(np.ceil(radius_px))
    y, x = np.ogrid[-half : half + 1, -half : half + 1]
    kernel = np.clip(radius_px + 0.5 - np.hypot(y, x), 0, 1)
    return np.asarray(kernel / kernel.sum())
