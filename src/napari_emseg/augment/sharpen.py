"""Sharpening: the image minus its blur, added to it (unsharp mask)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.fields import chance, option, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Sharpen(Settings):
    """How strongly edges are raised."""

    probability: float = chance(0.1)
    amount: float = strength(1.0, "Amount up to", ge=0, le=5)
    radius_px: float = option(1.0, "Radius", "sigma of the blur", unit="px", ge=0.3, le=10, more=True)


def sharpen(image: NDArray[np.float32], settings: Sharpen, rng: np.random.Generator) -> NDArray[np.float32]:
    """Raise the edges of every section of an image (sections, y, x) by the same amount."""
    from scipy import ndimage as ndi

    amount = np.float32(rng.uniform(0, settings.amount))
    radius = settings.radius_px
    blurred: NDArray[np.float32] = ndi.gaussian_filter(image, (0, radius, radius), truncate=3)
    return image + amount * (image - blurred)
