"""Charging: bright haloes that fade along the scan lines, and lines that are brighter or darker as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.fields import chance, option, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Charging(Settings):
    """How strongly sections are charged."""

    probability: float = chance(0.1)
    per_section: float = chance(0.3, "Of the sections", "chance of each, at least one")
    halo: float = strength(1.5, "Haloes up to", "in standard deviations", ge=0, le=6)
    lines: float = strength(0.3, "Scan lines up to", "in standard deviations", ge=0, le=3)
    length_px: int = option(60, "Fade over", "along the scan", unit="px", ge=4, le=500, more=True)


def charging(image: NDArray[np.float32], settings: Charging, rng: np.random.Generator) -> NDArray[np.float32]:
    """Charge some sections of an image (sections, y, x); the beam scans along x."""
    out = image.copy()
    struck = np.flatnonzero(rng.random(len(image)) < settings.per_section)
    for z in struck if struck.size else [int(rng.integers(len(image)))]:
        out[z] += _haloes(image.shape[1:], settings, rng) + _lines(image.shape[1], settings, rng)
    return out


def _haloes(shape: tuple[int, ...], settings: Charging, rng: np.random.Generator) -> NDArray[np.float32]:
    """A few places where charge gathers; behind each the line stays bright for a while."""
    from scipy import ndimage as ndi

    spots = np.zeros(shape, np.float32)
    count = int(rng.integers(1, 4))
    spots[rng.integers(0, shape[0], count), rng.integers(0, shape[1], count)] = 1
    fade = np.exp(-np.arange(3 * settings.length_px, dtype=np.float32) / settings.length_px)
    wide = ndi.gaussian_filter1d(spots, settings.length_px / 6, axis=0, mode="constant")
    # each pixel takes over what lies before it on its line
    width = shape[1]
    tail = np.stack([np.convolve(row, fade)[:width] if row.any() else row for row in wide])
    peak = tail.max()
    return np.asarray(tail * np.float32(rng.uniform(0, settings.halo) / peak) if peak > 0 else tail)


def _lines(rows: int, settings: Charging, rng: np.random.Generator) -> NDArray[np.float32]:
    """Brightness of every scan line, (y, 1)."""
    level = np.float32(rng.uniform(0, settings.lines))
    return level * rng.standard_normal((rows, 1), dtype=np.float32)
