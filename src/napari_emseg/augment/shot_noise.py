"""Shot noise: few electrons a pixel, so that bright pixels are noisier than dark ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.fields import chance, strength
from napari_emseg.augment.greys import from_unit, to_unit
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST = 1e4  # electrons: from here on nobody sees the noise


class ShotNoise(Settings):
    """How few electrons there may be."""

    probability: float = chance(0.2)
    grain: float = strength(
        0.1, "Grain up to", "noise of a white pixel, of black to white: 0.1 is 100 electrons", ge=0, le=0.5
    )


def shot_noise(
    image: NDArray[np.float32], settings: ShotNoise, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Count electrons of an image (sections, y, x): a Poisson number for every pixel."""
    grain = rng.uniform(0, settings.grain)
    electrons = min(1 / max(grain, 1e-6) ** 2, _MOST)
    counts = rng.poisson(np.clip(to_unit(image), 0, None) * electrons)
    return from_unit((counts / electrons).astype(np.float32))
