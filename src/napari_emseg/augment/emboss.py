"""Emboss: light from one side, as with directional shading of a tilted surface."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.fields import chance, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Emboss(Settings):
    """How strong the relief may be."""

    probability: float = chance(0.05)
    amount: float = strength(0.7, "Relief up to", ge=0, le=3)


def emboss(image: NDArray[np.float32], settings: Emboss, rng: np.random.Generator) -> NDArray[np.float32]:
    """Add the slope along a random direction to every section of an image (sections, y, x)."""
    amount = np.float32(rng.uniform(0, settings.amount))
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.zeros_like(image)
    for axis, share in ((1, np.sin(angle)), (2, np.cos(angle))):
        if image.shape[axis] > 1:
            slope += np.float32(share) * np.gradient(image, axis=axis).astype(np.float32)
    return image + amount * 2 * slope
