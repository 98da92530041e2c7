"""Long dark or bright bands: folds and cracks. Membranes are dark lines too, but none is wide and straight for long."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TURNS = 12
_LENGTH = 0.16  # of the shorter side; a fold is about straight over this
_WIDTHS_PX = (2.0, 5.0, 14.0)
_SHADE = (0.08, 0.08, 0.2)  # of the shorter side, for each width; slower changes of brightness are no bands
_STEP = 2  # answers are kept at every other pixel


def ridge_maps(small: NDArray[np.float32]) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """How dark, and how bright, the darkest and brightest straight band through each place is.

    Parameters
    ----------
    small : ndarray (y, x) float32
        A section of about 256 pixels a side, mean 0 and standard deviation 1.

    Returns
    -------
    dark, bright : ndarray float16
        At every other pixel, positive, in standard deviations of the section.
    """
    from scipy import fft
    from scipy.ndimage import gaussian_filter

    side = min(small.shape)
    rim = max(2, round(_LENGTH * side / 2))
    padded = tuple(n + 2 * rim for n in small.shape)
    shape = (fft.next_fast_len(padded[0], real=True), fft.next_fast_len(padded[1], real=True))
    spectra = {}
    for shade in set(_SHADE):
        flat = small - gaussian_filter(small, max(2.0, shade * side))
        spectra[shade] = fft.rfft2(np.pad(flat, rim, mode="reflect" if rim < side else "edge"), s=shape)
    low = np.full(small.shape, np.inf, np.float32)
    high = np.full(small.shape, -np.inf, np.float32)
    for number, band in enumerate(_bands(shape, max(6, round(_LENGTH * side)))):
        spectrum = spectra[_SHADE[number // _TURNS]]
        mean = fft.irfft2(spectrum * band, s=shape)[rim : rim + small.shape[0], rim : rim + small.shape[1]]
        np.minimum(low, mean, out=low)
        np.maximum(high, mean, out=high)
    return (
        np.maximum(-low, 0)[::_STEP, ::_STEP].astype(np.float16),
        np.maximum(high, 0)[::_STEP, ::_STEP].astype(np.float16),
    )


@lru_cache(maxsize=4)
def _bands(shape: tuple[int, int], length: int) -> tuple[NDArray[Any], ...]:
    """Transforms of straight bands of mean 1 through the origin."""
    from scipy import fft

    y, x = (np.fft.fftfreq(n, 1 / n) for n in shape)
    found = []
    for width in _WIDTHS_PX:
        for turn in range(_TURNS):
            angle = np.pi * turn / _TURNS
            along = y[:, None] * np.sin(angle) + x[None, :] * np.cos(angle)
            across = y[:, None] * np.cos(angle) - x[None, :] * np.sin(angle)
            band = np.exp(-0.5 * (across / (0.5 * width)) ** 2) * (np.abs(along) <= length / 2)
            found.append(fft.rfft2((band / band.sum()).astype(np.float32)).astype(np.complex64))
    return tuple(found)


def longest_band(ridges: NDArray[np.floating], threshold: float) -> float:
    """Extent of the longest connected place above a threshold, as part of the shorter side."""
    from scipy.ndimage import find_objects, label

    labels, count = label(ridges > threshold, structure=np.ones((3, 3)))
    if not count:
        return 0.0
    extents = [
        np.hypot(rows.stop - rows.start, columns.stop - columns.start)
        for rows, columns in find_objects(labels)
    ]
    return float(max(extents) / min(ridges.shape))
