"""Shot and detector noise: Gaussian, white or slightly correlated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.fields import chance, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Noise(Settings):
    """How strong noise may get, in units of the section's standard deviation."""

    probability: float = chance(0.4)
    sigma: float = strength(0.35, "Sigma up to", "in standard deviations", ge=0, le=3)


def noise(image: NDArray[np.float32], settings: Noise, rng: np.random.Generator) -> NDArray[np.float32]:
    """Add Gaussian noise of a sigma drawn from 0 to ``sigma`` to an image (sections, y, x)."""
    sigma = np.float32(rng.uniform(0, settings.sigma))
    return image + sigma * rng.standard_normal(image.shape, dtype=np.float32)
