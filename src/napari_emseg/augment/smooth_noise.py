"""Elastic deformation by smoothed noise (Simard, Steinkraus, Platt 2003)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.fields import chance, option, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.augment.places import Places

_COARSE = 4  # pixels of the smoothed noise per sigma are kept; more would only be interpolated away


class SmoothNoise(Settings):
    """How the tissue is stretched."""

    probability: float = chance(1.0)
    alpha: float = strength(
        2.0, "Strength", "factor of the smoothed noise, in widths of the sample", ge=0, le=10
    )
    sigma: float = option(0.07, "Smoothness", "sigma of the Gaussian, in widths of the sample", ge=0.01, le=1)


def smooth_noise(places: Places, settings: SmoothNoise, rng: np.random.Generator) -> Places:
    """Move places by uniform noise that is blurred and multiplied; all sections share it, and none is mixed."""
    return places.moved_by(smoothed_noise(places.size, settings.alpha, settings.sigma, rng)[:, None])


def smoothed_noise(
    size: tuple[int, int], alpha: float, sigma: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Displacement field (2, y, x) in pixels, rows first.

    Noise in -1 .. 1 is smoothed with ``sigma * width`` and multiplied with ``alpha * width``, where the width is the
    extent along x. It is drawn coarsely where the Gaussian is wide, with the variance of the full grid.
    """
    from scipy import ndimage as ndi

    width = size[1]
    sigma_px = sigma * width
    step = max(1, int(sigma_px / _COARSE))
    coarse = tuple(-(-n // step) + 1 for n in size)
    noise = rng.uniform(-1, 1, (2, *coarse))
    smooth = ndi.gaussian_filter(noise, (0, sigma_px / step, sigma_px / step), mode="reflect")
    # averaging step x step independent values divides the standard deviation by step
    smooth *= alpha * width / step
    if step == 1:
        full = smooth[:, : size[0], : size[1]]
    else:
        at = np.meshgrid(*(np.arange(n) / step for n in size), indexing="ij")
        full = np.stack([ndi.map_coordinates(c, at, order=1, mode="nearest") for c in smooth])
    limit = 3 * expected_rms(size, alpha, sigma)
    return np.clip(full, -limit, limit).astype(np.float32)


def expected_rms(size: tuple[int, int], alpha: float, sigma: float) -> float:
    """Root mean square displacement along one axis, in pixels, far from the border.

    A Gaussian of s pixels turns white noise of variance 1/3 into noise of variance 1/3 / (4 pi s²).
    """
    width = size[1]
    return float(alpha * width * np.sqrt(1 / 3 / (4 * np.pi)) / (sigma * width))


def reach(half: NDArray[Any], settings: SmoothNoise) -> NDArray[Any]:
    """How far from its centre (z, y, x) a sample of half extent `half` may have to look."""
    size = (round(2 * half[1] + 1), round(2 * half[2] + 1))
    limit = 3 * expected_rms(size, settings.alpha, settings.sigma)
    return np.asarray(half + np.array([0, limit, limit]))
