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
    -5.3223,
    (1.9701, 0.90632, 1.9426),
    (0.20085, 0.2276, -3.1951),
    (0.44831, 0.35664, 0.42466),
    (0.15461, 0.11805, -0.62468),
    (0.63471, 0.20709, 1.2103),
    (0.34251, 0.13666, -0.26112),
    (1.4293, 0.29034, 0.78342),
    (2.2895, 0.75157, -1.2865),
    (0.31004, 0.41717, 1.8561),
    (0.011016, 0.22964, 2.0171),
    (0.30731, 0.41513, 2.2895),
    (0.012006, 0.22622, 2.0943),
    (0.16779, 0.25482, 5.6279),
    (0.2066, 0.25845, 0.24064),
    (0.59691, 0.32689, 4.1707),
    (0.29357, 0.2248, -4.0878),
)
FORWARD_BY_MAP = _fitted(
    0,
    (0, 0.87397, 2.0579),
    (0, 0.87072, 2.0606),
    (0, 0.70567, 4.7886),
)
PARTNER_BY_SHAPE = _fitted(
    -2.9339,
    (2.009, 0.89195, 0.95771),
    (0.20662, 0.22726, -1.0327),
    (0.45262, 0.35597, 0.55831),
    (0.15641, 0.11889, 1.0563),
    (0.64974, 0.20272, 2.6146),
    (0.3517, 0.13475, 2.3898),
    (1.4017, 0.26445, 1.5723),
    (2.2633, 0.615, -0.65691),
)
FORWARD_BY_SHAPE = _fitted(
    0,
    (0, 0.36814, 3.1982),
    (0, 0.26793, 3.1845),
)
FORWARD_BY_IMAGE = _fitted(
    0,
    (0, 0.36814, 2.6172),
    (0, 0.26793, 3.2235),
    (0, 0.4188, 1.3176),
    (0, 0.65138, 0.5065),
    (0, 0.17425, 0.06565),
)
