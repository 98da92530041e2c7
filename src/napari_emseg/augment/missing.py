"""Missing or useless neighbours, so that a network with section context does not depend on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.fields import chance
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Missing(Settings):
    """How often a neighbour is lost, and how."""

    probability: float = chance(0.2)
    blank: float = chance(0.3, "Blank instead of repeated")


def missing(image: NDArray[np.float32], settings: Missing, rng: np.random.Generator) -> NDArray[np.float32]:
    """Replace neighbours of the middle section by its copy, as at the end of a stack, or by blank.

    Each neighbour is lost with a chance of one half, and at least one is.
    """
    middle = len(image) // 2
    others = [z for z in range(len(image)) if z != middle]
    if not others:
        return image.copy()
    out = image.copy()
    lost = [z for z in others if rng.random() < 0.5] or [int(rng.choice(others))]
    for z in lost:
        out[z] = 0 if rng.random() < settings.blank else image[middle]
    return out
