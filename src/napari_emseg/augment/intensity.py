"""Contrast, brightness and gamma, for all sections together and for each one on its own (flicker)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.fields import chance, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPAN = 3.0  # gamma bends the range of -3 to 3 standard deviations


class Intensity(Settings):
    """How far grey values may stray, in units of the section's standard deviation."""

    probability: float = chance(0.9)
    contrast: float = strength(0.3, "Contrast", "range of the factor", ge=0, le=1)
    brightness: float = strength(0.3, "Brightness", "in standard deviations", ge=0, le=3)
    gamma: float = strength(1.5, "Gamma up to", "and down to its inverse", neutral=1, ge=1, le=4)
    flicker: float = strength(0.1, "Of each section alone", "contrast and brightness", ge=0, le=1)


def intensity(
    image: NDArray[np.float32], settings: Intensity, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Change contrast, brightness and gamma of an image (sections, y, x)."""
    alone = rng.uniform(-settings.flicker, settings.flicker, (2, len(image), 1, 1))
    gain = 1 + rng.uniform(-settings.contrast, settings.contrast) + alone[0]
    offset = rng.uniform(-settings.brightness, settings.brightness) + alone[1]
    out = (image * gain + offset).astype(np.float32)
    exponent = np.float32(settings.gamma ** rng.uniform(-1, 1))
    unit = np.clip((out + _SPAN) / (2 * _SPAN), 0, 1)
    return np.asarray(unit**exponent * np.float32(2 * _SPAN) - np.float32(_SPAN), dtype=np.float32)
