"""Smoothing of probability maps that keeps borders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REACH = 2.0  # the window ends at this many standard deviations


def bilateral(image: NDArray[Any], sigma_px: float, contrast: float) -> NDArray[np.float32]:
    """Average over pixels that are near and alike, section by section.

    Parameters
    ----------
    image : ndarray (y, x) or (z, y, x)
        Probability in [0, 1], or uint8 in 0..255 which is divided by 255.
    sigma_px : float
        Standard deviation of the distance, in pixels.
    contrast : float
        Standard deviation of the difference: steps larger than this stay sharp.

    Returns
    -------
    ndarray of float32

    Notes
    -----
    Tomasi and Manduchi 1998, doi:10.1109/ICCV.1998.710815, with mirrored borders.
    """
    values = np.asarray(image.astype(np.float32) / (255 if image.dtype == np.uint8 else 1), np.float32)
    if values.ndim == 3:
        sections = [bilateral(section, sigma_px, contrast) for section in values]
        return np.stack(sections).astype(np.float32) if sections else values
    if sigma_px <= 0:
        return values
    reach = max(1, int(np.ceil(_REACH * sigma_px)))
    padded = np.pad(values, reach, mode="symmetric")
    total, weights = np.zeros_like(values), np.zeros_like(values)
    rows, columns = values.shape
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            near = np.float32(np.exp(-(dy * dy + dx * dx) / (2 * sigma_px**2)))
            other = padded[reach + dy : reach + dy + rows, reach + dx : reach + dx + columns]
            weight = near * np.exp(-((other - values) ** 2) / np.float32(2 * contrast**2))
            total += weight * other
            weights += weight
    return np.asarray(total / weights, np.float32)


def median(image: NDArray[Any], radius_px: int) -> NDArray[Any]:
    """Median over a square of every section; type and range stay.

    Parameters
    ----------
    image : ndarray (y, x) or (z, y, x)
    radius_px : int
        The square has 2 ``radius_px`` + 1 pixels a side.
    """
    from scipy import ndimage as ndi

    size = (1,) * (image.ndim - 2) + (2 * radius_px + 1,) * 2
    filtered: NDArray[Any] = ndi.median_filter(image, size=size, mode="nearest")
    return filtered
