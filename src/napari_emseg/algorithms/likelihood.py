"""How likely two objects of two sections are one: logistic by overlap alone, a small network with all clues."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LIMIT = 1e-4
_FARTHEST = 6.0  # standard deviations; what lies farther out was never seen

# One weight per clue of overlap, in the order of CLUES. Logistic regression (L2, C = 1 on standardised clues) on 600 000
# pairs of overlapping objects, each stack weighted by the root of its pairs.
_INTERCEPT = 0.9138
_WEIGHTS = np.array(
    [
        1.2098, 1.1022, 4.9092, -0.0583, 0.6194, 1.6259, 0.6354,
        0.3288, -0.7256, -9.4829, -4.1359, -1.2045, -0.6276, -0.1451,
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """One hidden layer of tangents.

    Attributes
    ----------
    mean, spread : ndarray of float64 (n,)
        Of every clue, as it was learnt from.
    hidden, hidden_bias : ndarray of float64 (h, n), (h,)
    output, bias : ndarray of float64 (h,), float
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    hidden: NDArray[np.float64]
    hidden_bias: NDArray[np.float64]
    output: NDArray[np.float64]
    bias: float

    def log_odds(self, clues: NDArray[np.floating]) -> NDArray[np.float64]:
        """Natural log-odds for every row of clues (m, n)."""
        standard = np.clip((clues - self.mean) / self.spread, -_FARTHEST, _FARTHEST)
        return np.asarray(np.tanh(standard @ self.hidden.T + self.hidden_bias) @ self.output + self.bias)


@cache
def network(name: str) -> Network:
    """One of the networks that `tools/fit_links.py` wrote: "pairs" or "strands"."""
    text = files("napari_emseg.algorithms").joinpath("link_networks.json").read_text("utf-8")
    values = json.loads(text)[name]
    parts = ("mean", "spread", "hidden", "hidden_bias", "output")
    mean, spread, hidden, hidden_bias, output = (np.array(values[k], np.float64) for k in parts)
    return Network(mean, spread, hidden, hidden_bias, output, float(values["bias"]))


def first_guess(clues: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that the two objects of every pair are one, by overlap alone.

    Parameters
    ----------
    clues : ndarray of float64 (n, BY_OVERLAP)
        The first clues of `napari_emseg.algorithms.evidence.gather`.
    """
    return np.asarray(1 / (1 + np.exp(-(_INTERCEPT + clues @ _WEIGHTS))))


def probability(clues: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that the two objects of every pair are one.

    Parameters
    ----------
    clues : ndarray of float64 (n, len(CLUES))
        From `napari_emseg.algorithms.evidence.gather`.
    """
    return np.asarray(1 / (1 + np.exp(-network("pairs").log_odds(clues))))


def log_odds(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Natural log-odds of probabilities, kept away from infinity."""
    chance = np.clip(chance, _LIMIT, 1 - _LIMIT)
    return np.asarray(np.log(chance / (1 - chance)))
