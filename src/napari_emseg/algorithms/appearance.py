"""What a piece of a section looks like, in a few numbers that no training has touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GREY_EDGES = np.linspace(-2.5, 2.5, 12)  # standard deviations of the section
_BANDS = 10  # octave-like rings of the power spectrum
_LOCAL_PX = 9  # extent over which local contrast is taken


def appearance(image: NDArray[np.floating]) -> NDArray[np.float64]:
    """Describe a piece by its grey values, its local contrast and its power spectrum.

    The unsupervised stream of `queries.two_stream`. (The published method trains a variational autoencoder for
    it, which takes longer than the answer may; these are the classical descriptors of texture.)

    Parameters
    ----------
    image : ndarray (y, x)
        Normalised: mean 0 and standard deviation 1 over the section.

    Returns
    -------
    ndarray (33,) of float64
        Shares of 11 grey levels and of the outside, deciles of local contrast, logarithms of the power in 10 bands.
    """
    values = np.asarray(image, np.float64)
    shares = np.histogram(np.clip(values, -2.5, 2.5), _GREY_EDGES)[0] / values.size
    mean = ndi.uniform_filter(values, _LOCAL_PX)
    contrast = np.sqrt(np.maximum(ndi.uniform_filter(values**2, _LOCAL_PX) - mean**2, 0))
    deciles = np.quantile(contrast, np.linspace(0, 1, 11))
    outside = np.mean(np.abs(values) > _GREY_EDGES[-1])
    return np.concatenate([shares, [outside], deciles, _bands(values)])


def _bands(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the mean power in rings of frequency, from the piece's extent to single pixels."""
    window = np.outer(*(np.hanning(n) for n in values.shape))
    power = np.abs(np.fft.rfft2((values - values.mean()) * window)) ** 2
    radius = np.hypot(np.fft.fftfreq(values.shape[0])[:, None], np.fft.rfftfreq(values.shape[1])[None, :])
    edges = np.geomspace(1 / min(values.shape), 0.5, _BANDS + 1)
    ring = np.clip(np.digitize(radius, edges) - 1, -1, _BANDS - 1)
    inside = ring >= 0
    total = np.bincount(ring[inside], power[inside], _BANDS)
    count = np.bincount(ring[inside], minlength=_BANDS)
    return np.asarray(np.log(total / np.maximum(count, 1) + 1e-12), np.float64)
