"""Pincushion and barrel distortion of the projector lens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.fields import chance, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.augment.places import Places


class Pincushion(Settings):
    """How strong the distortion may get."""

    probability: float = chance(0.5)
    amount: float = strength(
        0.05, "Distortion up to", "relative displacement of the corners, in or out", ge=0, le=0.3
    )


def pincushion(places: Places, settings: Pincushion, rng: np.random.Generator) -> Places:
    """Stretch or shrink coordinates in proportion to the square of their distance from the centre."""
    amount = np.float32(rng.uniform(-settings.amount, settings.amount))
    corner = np.float32(max(sum(((n - 1) / 2) ** 2 for n in places.size), 1.0))
    radius = (places.at**2).sum(0) / corner
    # beyond the corners (other augmentations come first) it grows no further, or it would fold over
    return replace(places, at=places.at * (1 + amount * np.minimum(radius, 1))[None])


def reach(half: NDArray[Any], settings: Pincushion) -> NDArray[Any]:
    """How far from its centre (z, y, x) a sample of half extent `half` may have to look."""
    return np.asarray(half * np.array([1, *(2 * [1 + settings.amount])]))
