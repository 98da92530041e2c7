"""Smooth random fields: random cubic B-splines, evaluated as products of small matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SPLINE_POWER = 0.4794  # mean sum of squared cubic B-spline weights over one knot interval


def pixel_centres(count: int, spacing_nm: float, stride: int = 1) -> NDArray[np.float64]:
    """Coordinates (nm) of the middles of ``count`` pixels that are ``stride`` times as large."""
    return np.asarray((np.arange(count) + 0.5) * stride * spacing_nm, dtype=np.float64)


@dataclass(frozen=True)
class SmoothField:
    """Gaussian random field with zero mean, unit variance and a given grain.

    Parameters
    ----------
    coefficients : ndarray (gz, gy, gx) float32
        Weights of the B-splines.
    grain_nm : tuple of float
        Distance of knots along (z, y, x).
    origin_nm : tuple of float
        Smallest coordinate that may be asked for.
    """

    coefficients: NDArray[np.float32]
    grain_nm: tuple[float, float, float]
    origin_nm: tuple[float, float, float]

    @classmethod
    def random(
        cls,
        rng: np.random.Generator,
        extent_nm: Sequence[float],
        grain_nm: Sequence[float],
        *,
        margin_nm: float = 0.0,
    ) -> SmoothField:
        """Draw a field over ``[-margin, extent + margin]`` along (z, y, x)."""
        counts = [int(np.ceil((e + 2 * margin_nm) / g)) + 4 for e, g in zip(extent_nm, grain_nm, strict=True)]
        coefficients = rng.standard_normal(counts, dtype=np.float32) / np.float32(_SPLINE_POWER**1.5)
        z, y, x = grain_nm
        return cls(coefficients, (z, y, x), (-margin_nm, -margin_nm, -margin_nm))

    def __call__(
        self, z_nm: NDArray[np.float64], y_nm: NDArray[np.float64], x_nm: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Values on the grid spanned by three coordinate vectors, float32 (z, y, x)."""
        basis = [
            _basis(np.asarray(c), g, o, n)
            for c, g, o, n in zip(
                (z_nm, y_nm, x_nm), self.grain_nm, self.origin_nm, self.coefficients.shape, strict=True
            )
        ]
        planes = np.tensordot(basis[0], self.coefficients, axes=(1, 0))
        return np.asarray(basis[1] @ planes @ basis[2].T, dtype=np.float32)


def _basis(points: NDArray[np.float64], grain: float, origin: float, count: int) -> NDArray[np.float32]:
    """Cubic B-spline weights (n points, count knots)."""
    position = np.clip((points - origin) / grain, 0, count - 4 - 1e-6)
    knot = position.astype(np.intp)
    t = position - knot
    weights = (
        np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6
    )
    basis = np.zeros((len(points), count), dtype=np.float32)
    np.put_along_axis(basis, knot[:, None] + np.arange(4), weights.astype(np.float32), axis=1)
    return basis
