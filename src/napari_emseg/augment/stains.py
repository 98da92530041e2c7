"""Stain precipitate, dirt and charging: soft dark or bright blobs on single sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Stains(Settings):
    """How many blobs, how large, how strong."""

    probability: float = Field(0.2, title="How often", ge=0, le=1)
    count: int = Field(4, title="Number up to", ge=1, le=100)
    radius_px: float = Field(25.0, title="Radius up to", ge=1, le=500)
    strength: float = Field(2.0, title="Strength up to", description="in standard deviations", ge=0, le=10)


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
