"""How likely two cells at a cleft are partners, and which of them is presynaptic: logistic regressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Evidence = Literal["map", "shape", "image"]
"""A map of sides; or without one, the shape of the contacts; or that and the image."""


@dataclass(frozen=True, eq=False)
class Logistic:
    """Standardised clues, weighted and added up.

    Parameters
    ----------
    mean, spread, weight : ndarray (n,)
    bias : float
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: float

    def __call__(self, clues: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability for every row of clues (m, n)."""
        standard = np.clip((clues - self.mean) / self.spread, -_FARTHEST, _FARTHEST)
        odds = standard @ self.weight + self.bias
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -_STEEPEST, _STEEPEST))))


_FARTHEST = 4.0  # standard deviations; what lies farther out was never seen
_STEEPEST = 30.0


def _fitted(bias: float, *rows: tuple[float, float, float]) -> Logistic:
    mean, spread, weight = np.array(rows, float).T
    return Logistic(mean, spread, weight, bias)


def partner(clues: NDArray[np.float64], evidence: Evidence) -> NDArray[np.float64]:
    """Probability that each pair are partners."""
    return (PARTNER_BY_MAP if evidence == "map" else PARTNER_BY_SHAPE)(clues)


def forward(clues: NDArray[np.float64], evidence: Evidence) -> NDArray[np.float64]:
    """Probability that the first of each pair is presynaptic, given that they are partners."""
    return {"map": FORWARD_BY_MAP, "shape": FORWARD_BY_SHAPE, "image": FORWARD_BY_IMAGE}[evidence](clues)


# One row a clue, in the order of `surroundings`: mean, spread, weight. Fitted by tools/fit_synapses.py on eight phantoms.
PARTNER_BY_MAP = _fitted(
    -5.1852,
    (1.9921, 0.90166, 1.9121),
    (0.20535, 0.22878, -3.258),
    (0.45584, 0.35658, 0.46753),
    (0.1566, 0.11838, -0.57191),
    (0.64302, 0.20508, 1.4602),
    (0.3466, 0.13496, -0.31995),
    (1.4255, 0.29059, 0.86783),
    (2.2838, 0.75124, -1.3124),
    (0.31316, 0.42022, 1.9042),
    (0.012431, 0.23071, 2.003),
    (0.31129, 0.4182, 2.3244),
    (0.013853, 0.22693, 2.0697),
    (0.1713, 0.25655, 5.5955),
    (0.21037, 0.25992, 0.26899),
    (0.60495, 0.3256, 4.1514),
    (0.29419, 0.22496, -4.1051),
)
FORWARD_BY_MAP = _fitted(
    0,
    (0, 0.87397, 2.0579),
    (0, 0.87072, 2.0606),
    (0, 0.70567, 4.7886),
)
PARTNER_BY_SHAPE = _fitted(
    -2.7953,
    (2.0313, 0.88536, 0.92669),
    (0.21089, 0.22809, -1.0645),
    (0.45981, 0.35579, 0.55676),
    (0.15831, 0.11922, 1.097),
    (0.65803, 0.19931, 2.6693),
    (0.35595, 0.13246, 2.3238),
    (1.3983, 0.26465, 1.5829),
    (2.2601, 0.61655, -0.65512),
)
FORWARD_BY_SHAPE = _fitted(
    0,
    (0, 0.37209, 3.2002),
    (0, 0.26793, 3.1877),
)
FORWARD_BY_IMAGE = _fitted(
    0,
    (0, 0.37209, 2.6239),
    (0, 0.26793, 3.2134),
    (0, 0.4188, 1.3273),
    (0, 0.65138, 0.50054),
    (0, 0.17425, 0.066007),
)
