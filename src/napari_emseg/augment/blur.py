"""Defocus: Gaussian blur of every section by its own amount."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.fields import chance, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Blur(Settings):
    """How strong defocus may get."""

    probability: float = chance(0.25)
    sigma_px: float = strength(1.4, "Sigma up to", unit="px", ge=0, le=10)


def blur(image: NDArray[np.float32], settings: Blur, rng: np.random.Generator) -> NDArray[np.float32]:
    """Blur an image (sections, y, x), each section by a sigma drawn from 0 to ``sigma_px``."""
    from scipy import ndimage as ndi

    return np.stack([ndi.gaussian_filter(s, rng.uniform(0, settings.sigma_px), truncate=3) for s in image])
