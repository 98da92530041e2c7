"""Contrast-limited adaptive histogram equalisation (Zuiderveld 1994), as some stacks come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.fields import chance, option, strength
from napari_emseg.augment.greys import from_unit, to_unit
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Clahe(Settings):
    """How strongly contrast is equalised."""

    probability: float = chance(0.1)
    clip_limit: float = strength(0.02, "Limit up to", "higher gives more contrast", neutral=0, ge=0, le=0.1)
    tiles: int = option(8, "Tiles", "along each side", ge=1, le=64, more=True)


def clahe(image: NDArray[np.float32], settings: Clahe, rng: np.random.Generator) -> NDArray[np.float32]:
    """Equalise every section of an image (sections, y, x), all with the same limit."""
    from skimage.exposure import equalize_adapthist  # slow import

    limit = rng.uniform(0, settings.clip_limit)
    if limit <= 0:
        return image.copy()
    unit = np.clip(to_unit(image), 0, 1)
    kernel = [max(1, n // settings.tiles) for n in image.shape[1:]]
    return from_unit(np.stack([_equalised(s, kernel, limit, equalize_adapthist) for s in unit]))


def _equalised(
    section: NDArray[np.float32], kernel: list[int], limit: float, equalise: object
) -> NDArray[np.float32]:
    if section.min() == section.max():  # nothing to equalise, and a division by zero
        return section
    assert callable(equalise)
    return np.asarray(equalise(section, kernel_size=kernel, clip_limit=limit), dtype=np.float32)
