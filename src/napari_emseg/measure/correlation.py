"""How two measurements go together: Pearson's r, Spearman's rho, and the line of regression with its band."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_LEAST = 3
"""Pairs that a correlation needs: two points always lie on a line."""

_ROUNDING = 1e-12
"""Values that differ by less than this, relative to the largest, differ by how they were added up."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """Two-sided tests of whether x and y go together.

    Attributes
    ----------
    n : int
        Pairs in which both were measured.
    pearson_r, pearson_p, spearman_rho, spearman_p : float or None
        None where they are not defined, for the reason in ``why_not``.
    why_not : str
    """

    n: int
    pearson_r: float | None
    pearson_p: float | None
    spearman_rho: float | None
    spearman_p: float | None
    why_not: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """The line y = intercept + slope x through pairs (least squares), and how sure it is.

    Attributes
    ----------
    n : int
    slope, intercept, slope_se : float
    r_squared : float
    x_mean, x_spread : float
        Mean of x, and sum of the squared deviations from it.
    residual : float
        Standard deviation of the residuals, with n - 2 degrees of freedom.
    """

    n: int
    slope: float
    intercept: float
    slope_se: float
    r_squared: float
    x_mean: float
    x_spread: float
    residual: float

    def at(self, x: ArrayLike) -> NDArray[np.float64]:
        """The line."""
        return self.intercept + self.slope * np.asarray(x, np.float64)

    def band(self, x: ArrayLike, level: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper bound of the mean of y at x: the confidence band of the line.

        Parameters
        ----------
        x : array-like
        level : float
            Confidence, 0 to 1.
        """
        from scipy import stats

        away = (np.asarray(x, np.float64) - self.x_mean) ** 2 / self.x_spread
        width = stats.t.ppf((1 + level) / 2, self.n - 2) * self.residual * np.sqrt(1 / self.n + away)
        line = self.at(x)
        return line - width, line + width


def paired(x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The pairs in which both were measured.

    A diameter or an area of 0 is a blank, no measurement: a pair with one of them is left out as a whole.

    Parameters
    ----------
    x, y : array-like, same shape
        NaN is a blank.

    Raises
    ------
    ValueError
        If they differ in shape.
    """
    one, other = np.array(x, np.float64), np.array(y, np.float64)
    if one.shape != other.shape:
        raise ValueError(f"pairs of {one.shape} and {other.shape}")
    both = np.isfinite(one) & np.isfinite(other) & (one > 0) & (other > 0)
    return one[both], other[both]


def correlate(x: ArrayLike, y: ArrayLike) -> Correlation:
    """Correlate what `paired` leaves of two measurements."""
    from scipy import stats

    one, other = paired(x, y)
    n = int(one.size)
    if n < _LEAST:
        return Correlation(n, None, None, None, None, f"{n} pairs are too few")
    if _is_same(one) or _is_same(other):
        return Correlation(n, None, None, None, None, "one of the two is the same everywhere")
    r, rho = stats.pearsonr(one, other), stats.spearmanr(one, other)
    return Correlation(n, float(r.statistic), float(r.pvalue), float(rho.statistic), float(rho.pvalue))


def _is_same(values: NDArray[np.float64]) -> bool:
    return float(np.ptp(values)) <= _ROUNDING * float(np.abs(values).max())


def regress(x: ArrayLike, y: ArrayLike) -> Regression | None:
    """Line through what `paired` leaves; None with fewer than three pairs or without a spread of x."""
    one, other = paired(x, y)
    n = int(one.size)
    if n < _LEAST or _is_same(one):
        return None
    mean = float(one.mean())
    spread = float(((one - mean) ** 2).sum())
    slope = float(((one - mean) * (other - other.mean())).sum()) / spread
    intercept = float(other.mean()) - slope * mean
    left = float(((other - intercept - slope * one) ** 2).sum())
    total = float(((other - other.mean()) ** 2).sum())
    residual = math.sqrt(left / (n - 2))
    return Regression(
        n, slope, intercept, residual / math.sqrt(spread), 1 - left / total if total else 1.0, mean, spread, residual
    )  # fmt: skip
