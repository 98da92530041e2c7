"""Defocus: Gaussian blur of every section by its own amount."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field
from scipy import ndimage as ndi

from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Blur(Settings):
    """How strong defocus may get."""

    probability: float = Field(0.25, title="How often", ge=0, le=1)
    sigma_px: float = Field(1.4, title="Sigma up to", ge=0, le=10)


def blur(image: NDArray[np.float32], settings: Blur, rng: np.random.Generator) -> NDArray[np.float32]:
    """Blur an image (sections, y, x), each section by a sigma drawn from 0 to ``sigma_px``."""
    return np.stack([ndi.gaussian_filter(s, rng.uniform(0, settings.sigma_px), truncate=3) for s in image])
