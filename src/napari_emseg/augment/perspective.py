"""Perspective: the section seen at a slant, as with a tilted specimen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.fields import chance, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.augment.places import Places


class Perspective(Settings):
    """How strong the slant may get."""

    probability: float = chance(0.5)
    slant: float = strength(
        0.1, "Slant up to", "share by which the far edge shrinks and the near one grows", ge=0, le=0.4
    )


def perspective(places: Places, settings: Perspective, rng: np.random.Generator) -> Places:
    """Divide coordinates by a plane through the centre with a random slope."""
    y, x = places.at
    half = (np.array(places.size) - 1) / 2
    slope = rng.uniform(-settings.slant, settings.slant, 2) / np.maximum(half, 1) / 2
    depth = 1 + np.float32(slope[0]) * y + np.float32(slope[1]) * x
    # coordinates may lie outside the sample already; the horizon stays far away from them
    return replace(places, at=places.at / np.maximum(depth, np.float32(0.25))[None])


def reach(half: NDArray[Any], settings: Perspective) -> NDArray[Any]:
    """How far from its centre (z, y, x) a sample of half extent `half` may have to look."""
    return np.asarray(half / np.array([1, *(2 * [1 - settings.slant])]))
