"""Contrast and brightness in the form of gunpowder's IntensityAugment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.elektronn import Mode, is_2d
from napari_emseg.augment.fields import chance, option, strength
from napari_emseg.augment.greys import from_unit, to_unit
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ScaleShift(Settings):
    """How far grey values may stray."""

    probability: float = chance(1.0)
    scale: float = strength(0.1, "Contrast", "factor from one minus this to one plus this", ge=0, le=1)
    shift: float = strength(0.1, "Brightness", "sum from minus this to this, of black to white", ge=0, le=1)
    mode: Mode = option(
        "2D", "Sections", "2D: each its own, 3D: all the same, mixed: one or the other per sample"
    )
    clip: bool = option(True, "Clip", "to black and white", more=True)


def scale_shift(
    image: NDArray[np.float32], settings: ScaleShift, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Change contrast and brightness of an image (sections, y, x) about its mean."""
    if is_2d(settings.mode, rng):
        parts = list(image)
    else:
        parts = [image]
    factors = rng.uniform(1 - settings.scale, 1 + settings.scale, len(parts))
    sums = rng.uniform(-settings.shift, settings.shift, len(parts))
    out = np.empty_like(image)
    for z, (part, factor, total) in enumerate(zip(parts, factors, sums, strict=True)):
        changed = about_mean(to_unit(part), float(factor), float(total))
        if settings.clip:
            np.clip(changed, 0, 1, out=changed)
        out[z if len(parts) > 1 or len(image) == 1 else slice(None)] = from_unit(changed)
    return out


def about_mean(unit: NDArray[np.float32], scale: float, shift: float) -> NDArray[np.float32]:
    """``mean + (I - mean) * scale + shift``, a new array."""
    mean = float(unit.mean(dtype=np.float64))
    out: NDArray[np.float32] = unit * np.float32(scale)
    out += np.float32(mean * (1 - scale) + shift)
    return out
