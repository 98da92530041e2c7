"""Motion blur: the stage drifts along a line while a section is exposed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.fields import chance, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MotionBlur(Settings):
    """How far the stage may drift."""

    probability: float = chance(0.1)
    per_section: float = chance(0.3, "Of the sections", "chance of each, at least one")
    length_px: float = strength(9.0, "Drift up to", unit="px", ge=0, le=60)


def motion_blur(
    image: NDArray[np.float32], settings: MotionBlur, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Blur some sections of an image (sections, y, x), each along a direction of its own."""
    from scipy import ndimage as ndi

    out = image.copy()
    struck = np.flatnonzero(rng.random(len(image)) < settings.per_section)
    for z in struck if struck.size else [int(rng.integers(len(image)))]:
        kernel = line_kernel(rng.uniform(0, settings.length_px), rng.uniform(0, np.pi))
        out[z] = ndi.convolve(image[z], kernel, mode="mirror")
    return out


def line_kernel(length_px: float, angle: float) -> NDArray[Any]:
    """Kernel of a straight line, sum 1, of odd extent; length 0 gives a single pixel."""
    half = int(np.ceil(length_px / 2))
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    along = np.linspace(-length_px / 2, length_px / 2, max(2, 4 * half + 1))
    y, x = half + along * np.sin(angle), half + along * np.cos(angle)
    y0, x0 = np.floor(y).astype(int), np.floor(x).astype(int)
    for dy in (0, 1):
        for dx in (0, 1):  # each point of the line is shared by the four pixels around it
            share = np.abs(1 - dy - (y - y0)) * np.abs(1 - dx - (x - x0))
            inside = (y0 + dy <= 2 * half) & (x0 + dx <= 2 * half)
            np.add.at(kernel, (y0[inside] + dy, x0[inside] + dx), share[inside])
    return np.asarray(kernel / kernel.sum())
