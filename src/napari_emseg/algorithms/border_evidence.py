"""What a border looks like in this volume: evidence for and against every border, learned from all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.algorithms.contacts import Contacts

_LIMIT = 0.005  # no border is more certain than this
_CAUTION = 3.0  # log-odds that joining costs: a wrong merger is worse than a wrong split
_LEAST_VARIANCE = 0.09
# Before anything is seen: borders within cells and between cells, as if on so many faces of each.
_EXPECTED = (0.15, 0.9)
_EXPECTED_FACES = 3000.0


def border_evidence(borders: Contacts) -> NDArray[np.float64]:
    """Log-odds that the two sides of each border are one cell.

    Parameters
    ----------
    borders : Contacts
        With the mean membrane probability in [0, 1] of each border.

    Returns
    -------
    ndarray of float64 (borders,)
        Positive where joining is worth it.

    Notes
    -----
    The logits of the means are divided into two classes, within cells and between cells, where that explains
    most of their variance (Otsu 1979, doi:10.1109/TSMC.1979.4310076), weighted by faces; then each
    class is a normal distribution of its own mean and the common variance. So a blurred, pale or gappy map gets the bar that
    suits it, where a fixed threshold joins everything or nothing.
    """
    x = logit(borders.boundary)
    low, high, variance = _two_classes(
        np.r_[x, logit(np.array(_EXPECTED))], np.r_[borders.faces.astype(float), [_EXPECTED_FACES] * 2]
    )
    return (high - low) / variance * ((low + high) / 2 - x) - _CAUTION


def logit(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds, bounded."""
    p = np.clip(chance, _LIMIT, 1 - _LIMIT)
    return np.asarray(np.log(p / (1 - p)), np.float64)


def _two_classes(x: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float, float]:
    """Means of the lower and the upper class, and their common variance."""
    order = np.argsort(x, kind="stable")
    x, weight = x[order], weight[order]
    n, total = np.cumsum(weight), np.cumsum(weight * x)
    below, above = total[:-1] / n[:-1], (total[-1] - total[:-1]) / (n[-1] - n[:-1])
    cut = int(np.argmax(n[:-1] * (n[-1] - n[:-1]) * (below - above) ** 2)) + 1
    low, high = (float(np.average(x[s], weights=weight[s])) for s in (slice(cut), slice(cut, None)))
    spread = np.where(np.arange(x.size) < cut, x - low, x - high) ** 2
    return low, high, max(float(np.average(spread, weights=weight)), _LEAST_VARIANCE)
