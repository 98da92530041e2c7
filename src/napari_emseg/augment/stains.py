"""Stain precipitate, dirt and charging: soft dark or bright blobs on single sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.fields import chance, option
from napari_emseg.augment.fields import strength as _strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Stains(Settings):
    """How many blobs, how large, how strong."""

    probability: float = chance(0.2)
    count: int = option(4, "Number up to", ge=1, le=100)
    radius_px: float = option(25.0, "Radius up to", unit="px", ge=1, le=500)
    strength: float = _strength(2.0, "Strength up to", "in standard deviations", ge=0, le=10)


def stains(image: NDArray[np.float32], settings: Stains, rng: np.random.Generator) -> NDArray[np.float32]:
    """Add soft dark or bright elliptic blobs to random sections of an image (sections, y, x)."""
    out = image.copy()
    y, x = (np.arange(n, dtype=np.float32) for n in image.shape[1:])
    for _ in range(int(rng.integers(1, settings.count + 1))):
        section = int(rng.integers(len(image)))
        cy, cx = rng.uniform(0, len(y)), rng.uniform(0, len(x))
        ry, rx = rng.uniform(2, max(2.1, settings.radius_px), 2)
        strength = rng.uniform(
            -settings.strength, settings.strength / 2
        )  # dirt is dark more often than bright
        rise = np.exp(-(((y - cy) / ry) ** 2))[:, None] * np.exp(-(((x - cx) / rx) ** 2))[None]
        out[section] += np.float32(strength) * rise.astype(np.float32)
    return out
