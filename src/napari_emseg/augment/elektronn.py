"""Contrast, brightness and gamma in the form of ELEKTRONN (Dorkenwald et al. 2017, SyConn)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_emseg.augment.fields import chance, option, strength
from napari_emseg.augment.greys import from_unit, to_unit
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

Mode = Literal["2D", "3D", "mixed"]


class Elektronn(Settings):
    """How far grey values may stray."""

    probability: float = chance(0.7)
    contrast: float = strength(0.3, "Contrast", "range of the factor", ge=0, le=2)
    brightness: float = strength(0.3, "Brightness", "range of the sum, of black to white", ge=0, le=2)
    gamma: float = strength(1.0, "Gamma", "exponent from 2 to the minus this to 2 to the plus", ge=0, le=3)
    mode: Mode = option(
        "mixed", "Sections", "2D: each its own, 3D: all the same, mixed: one or the other per sample"
    )


def elektronn(
    image: NDArray[np.float32], settings: Elektronn, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Change contrast, brightness and gamma of an image (sections, y, x)."""
    count = len(image) if is_2d(settings.mode, rng) else 1
    u = rng.random((3, count, 1, 1), dtype=np.float32)
    factor = 1 + (u[0] - np.float32(0.5)) * np.float32(settings.contrast)
    offset = (u[1] - np.float32(0.5)) * np.float32(settings.brightness)
    exponent = np.exp2((2 * u[2] - 1) * np.float32(settings.gamma))
    return from_unit(contrast_brightness_gamma(to_unit(image), factor, offset, exponent))


def contrast_brightness_gamma(
    unit: NDArray[np.float32],
    factor: NDArray[np.float32],
    offset: NDArray[np.float32],
    exponent: NDArray[np.float32],
) -> NDArray[np.float32]:
    """``clip(I * factor + offset, 0, 1) ** exponent``, a new array."""
    out = unit * factor
    out += offset
    np.clip(out, 0, 1, out=out)
    return np.asarray(out**exponent, dtype=np.float32)


def is_2d(mode: Mode, rng: np.random.Generator) -> bool:
    """Whether each section gets values of its own; drawn where the mode leaves it open."""
    return mode == "2D" or (mode == "mixed" and bool(rng.random() < 0.5))
