"""Median filter: what some microscopes and pipelines apply before anybody sees the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.fields import chance, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Median(Settings):
    """How wide the filter may be."""

    probability: float = chance(0.05)
    radius_px: int = strength(1, "Radius up to", "of the square window", unit="px", ge=0, le=5)


def median(image: NDArray[np.float32], settings: Median, rng: np.random.Generator) -> NDArray[np.float32]:
    """Filter every section of an image (sections, y, x) with the same square window."""
    from scipy import ndimage as ndi

    radius = int(rng.integers(1, settings.radius_px + 1)) if settings.radius_px else 0
    if not radius:
        return image.copy()
    return np.stack([ndi.median_filter(s, 2 * radius + 1, mode="mirror") for s in image])
