"""Grey values: a contrast window, adaptive histogram equalisation, and one normalisation for training and use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core import normalisation as core
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.normalisation import SECTION_STATISTICS
from napari_emseg.core.normalisation import white as _white
from napari_emseg.core.stack import section_statistics
from napari_emseg.preprocess.flow import to_type
from napari_emseg.preprocess.void import void_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SECTION_STATISTICS", "Normalisation", "clahe", "window", "window_of"]

_PERCENTILES = (0.2, 99.8)  # of the tissue: what lies beyond is specks and holes


def window(section: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    """Stretch grey values so that ``low`` becomes black and ``high`` white.

    Parameters
    ----------
    section : ndarray
        Integers keep their type and use its whole range; floating values end in [0, 1].
    low, high : float
        In grey values of the input.

    Raises
    ------
    EmsegError
        If the window is empty.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise EmsegError(
            f"the contrast window {low:g} to {high:g} is empty", "", "give a lower and a higher value"
        )
    part = np.clip((section.astype(np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
    return to_type(part * _white(section.dtype), section.dtype)


def window_of(section: NDArray[Any]) -> tuple[float, float]:
    """Grey values of the darkest and the brightest tissue of a section but for 0.2 percent, for `window`."""
    void = void_mask(section)
    tissue = section.ravel() if void is None else section[~void]
    low, high = (float(v) for v in np.percentile(tissue if tissue.size else section, _PERCENTILES))
    return low, max(high, low + 1e-6 * _white(section.dtype))


def clahe(section: NDArray[Any], *, clip: float = 2.0, tiles: int = 8) -> NDArray[Any]:
    """Contrast-limited adaptive histogram equalisation.

    Parameters
    ----------
    section : ndarray (y, x)
        Black margins stay black.
    clip : float
        How many times the mean of a tile's histogram a bin may hold, as OpenCV counts it; 1 changes nothing much.
    tiles : int
        Tiles along each axis.

    Notes
    -----
    Zuiderveld 1994, in scikit-image, whose clip limit is a part of the tile instead: with 256 bins 2.0 here is 2 / 256 there.
    """
    from skimage.exposure import equalize_adapthist

    white = _white(section.dtype)
    tile = tuple(max(1, -(-n // tiles)) for n in section.shape)
    part = np.clip(section.astype(np.float64) / white, 0, 1)
    found = equalize_adapthist(part, kernel_size=tile, clip_limit=min(1.0, clip / 256), nbins=256)
    out = to_type(np.asarray(found) * white, section.dtype)
    void = void_mask(section)
    if void is not None:
        out[void] = section[void]
    return out


class Normalisation(core.Normalisation):
    """How grey values become a network's input, section by section; the rule itself is in `core.normalisation`."""

    def apply(
        self, section: NDArray[Any], statistics: tuple[float, float] | None = None
    ) -> NDArray[np.float32]:
        """A whole section (y, x) as network input.

        Parameters
        ----------
        section : ndarray (y, x)
        statistics : tuple of float, optional
            Mean and standard deviation of the whole section, where this is a crop of it.
        """
        if self.clahe_clip > 0:
            section = clahe(section, clip=self.clahe_clip)
        mean, std = self.of_section(statistics or section_statistics(section), section.dtype)
        return (section.astype(np.float32) - np.float32(mean)) / np.float32(std)
