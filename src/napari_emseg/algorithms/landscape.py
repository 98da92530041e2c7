"""The landscape of a boundary map: heights whose hills are pieces of cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

# Lengths are in pixels of a section: what a boundary map looks like follows its pixels.
_FARTHEST_PX = 16.0  # further from a membrane, all places are equally deep
_SMOOTH_PX = 1.0
_MAP_SMOOTH_PX = 0.7
_TRUNCATE = 3.0
_STEEPNESS_PX = 8.0  # a certain membrane is this much deeper than a place that is certainly none
_STEPS = 256  # heights are whole numbers of 1/256 pixel: the same in every block
_TAILS = (0.02, 0.98)
_LEAST_RANGE = 25  # of 255: maps that are flatter than this are not stretched further

GROUND = np.iinfo(np.int32).min
"""Height of what belongs to nobody."""


@dataclass(frozen=True, slots=True)
class Landscape:
    """How heights are made.

    Attributes
    ----------
    low, high : int
        Values of the map, in 0..255, that count as certainly no membrane and certainly membrane.
    threshold : float
        Share of the way from low to high above which a voxel is membrane.
    aspect : tuple of float
        Voxel size (z, y, x) in pixels of a section.
    sigma_px : float
        Additional smoothing of the map.
    """

    low: int
    high: int
    threshold: float
    aspect: tuple[float, float, float]
    sigma_px: float = 0.0

    @property
    def reach(self) -> tuple[int, int, int]:
        """How many voxels around a voxel its height depends on, (z, y, x)."""
        z, y, x = (
            int(np.ceil(_FARTHEST_PX / a))
            + 2
            + sum(_radius(s / a) for s in (_SMOOTH_PX, _MAP_SMOOTH_PX, self.sigma_px))
            for a in self.aspect
        )
        return z, y, x

    def stretched(self, boundary: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The map from 0 to 1, of any shape."""
        wide = (boundary.astype(np.float32) - self.low) / (self.high - self.low)
        clipped: NDArray[np.float32] = np.clip(wide, 0, 1)
        return clipped

    def heights(self, boundary: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Heights of a box, in 1/256 pixel; exact where the box reaches far enough or the volume ends.

        Parameters
        ----------
        boundary : ndarray of uint8 (z, y, x)

        Returns
        -------
        ndarray of int32
            Distance to the nearest membrane, negative within membranes, smoothed, and lower where membrane is likely.
        """
        chance = self._smooth(self.stretched(boundary), self.sigma_px)
        cells = chance < np.float32(self.threshold)
        depth = np.rint((self._distance(cells) - self._distance(~cells)) * _STEPS).astype(np.float32)
        likely = self._smooth(chance, _MAP_SMOOTH_PX) * np.float32(_STEEPNESS_PX * _STEPS)
        return np.rint(self._smooth(depth, _SMOOTH_PX) - likely).astype(np.int32)

    def _smooth(self, values: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
        from scipy import ndimage as ndi

        if sigma_px <= 0:
            return values
        sigma = [sigma_px / a for a in self.aspect]
        return np.asarray(ndi.gaussian_filter(values, sigma, truncate=_TRUNCATE), np.float32)

    def _distance(self, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
        import edt

        far: NDArray[np.float32] = edt.edt(
            np.ascontiguousarray(inside), anisotropy=self.aspect, black_border=False, parallel=1
        )
        return np.minimum(far, np.float32(_FARTHEST_PX))


def landscape_of(
    histogram: NDArray[np.integer], threshold: float, spacing_nm: Spacing, sigma_nm: float = 0.0
) -> Landscape:
    """Adapt to a map: networks that are never certain, or always, give the same pieces.

    Parameters
    ----------
    histogram : ndarray of int (256,)
        How often each value of the map occurs.
    threshold : float
        In [0, 1], between the 2 % lowest and the 2 % highest values.
    spacing_nm : tuple of float
        Voxel size (z, y, x).
    sigma_nm : float
        Additional smoothing.
    """
    share = np.cumsum(histogram) / max(int(histogram.sum()), 1)
    low, high = (int(np.searchsorted(share, tail)) for tail in _TAILS)
    pixel = spacing_nm[1]
    z, y, x = (s / pixel for s in spacing_nm)
    return Landscape(low, max(min(high, 255), low + _LEAST_RANGE), threshold, (z, y, x), sigma_nm / pixel)


def eight_bits(boundary: NDArray[Any]) -> NDArray[np.uint8]:
    """A map in 0..255; floats are taken as [0, 1]."""
    if boundary.dtype == np.uint8:
        return boundary
    return np.asarray(np.rint(np.clip(boundary, 0, 1) * 255), np.uint8)


def _radius(sigma: float) -> int:
    return int(_TRUNCATE * sigma + 0.5)
