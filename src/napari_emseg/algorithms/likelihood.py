"""How likely two objects of two sections are one: logistic by overlap alone, a small network with all clues."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

NETWORKS = "link_networks.safetensors"
"""The file that holds them, beside this one."""

_LIMIT = 1e-4
_FARTHEST = 6.0  # standard deviations; what lies farther out was never seen
_PART = 48  # rows of one product: larger ones go to several threads, which on busy cores wait for each other
_AT_ONCE = 96 * _PART  # rows, for memory

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
    """Several small networks of the same shape that vote: layers with rectifiers between them.

    Attributes
    ----------
    mean, spread : ndarray of float64 (n,)
        Of every clue, as it was learnt from.
    weights, biases : tuple of ndarray of float32
        Of every layer: (voters, inputs, outputs) and (voters, 1, outputs); the last one has one output.
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]

    def log_odds(self, clues: NDArray[np.floating]) -> NDArray[np.float64]:
        """Natural log-odds for every row of clues (m, n): the mean of all votes."""
        odds = np.empty(len(clues))
        for start in range(0, len(clues), _AT_ONCE):
            odds[start : start + _AT_ONCE] = self._votes(clues[start : start + _AT_ONCE]).mean(0)
        return odds

    def _votes(self, clues: NDArray[np.floating]) -> NDArray[np.float32]:
        """Log-odds of each voter, (voters, m)."""
        parts = -(-len(clues) // _PART)
        standard = np.zeros((parts * _PART, clues.shape[1]), np.float32)
        standard[: len(clues)] = np.clip((clues - self.mean) / self.spread, -_FARTHEST, _FARTHEST)
        y = standard.reshape(1, parts, _PART, -1)
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if k:
                np.maximum(y, 0, out=y)
            y = y @ weight[:, None]
            y += bias[:, None]
        return y.reshape(len(y), -1)[:, : len(clues)]


def network(name: str) -> Network:
    """One of the networks that `tools/fit_links.py` wrote: "pairs", "strands", "reunion" or "confidence"."""
    return shipped_networks()[name]


@cache
def shipped_networks() -> dict[str, Network]:
    """All of them, read once."""
    return read_networks(files("napari_emseg.algorithms").joinpath(NETWORKS).read_bytes())


def read_networks(content: bytes) -> dict[str, Network]:
    """Networks by name, from what `write_networks` gave."""
    from safetensors.numpy import load

    tensors = load(content)
    found = {}
    for name in {key.partition(".")[0] for key in tensors}:
        count = sum(key.startswith(f"{name}.weight") for key in tensors)
        weights, biases = (
            tuple(tensors[f"{name}.{part}.{k}"].astype(np.float32) for k in range(count))
            for part in ("weight", "bias")
        )
        found[name] = Network(tensors[f"{name}.mean"], tensors[f"{name}.spread"], weights, biases)
    return found


def write_networks(found: Mapping[str, Network]) -> bytes:
    """Networks as safetensors, weights in half precision."""
    from safetensors.numpy import save

    tensors: dict[str, NDArray[np.generic]] = {}
    for name, one in sorted(found.items()):
        tensors |= {f"{name}.mean": one.mean.copy(), f"{name}.spread": one.spread.copy()}
        for part, layers in (("weight", one.weights), ("bias", one.biases)):
            # In C order: safetensors writes memory as it lies, and garbage of anything else.
            tensors |= {f"{name}.{part}.{k}": v.astype(np.float16, order="C") for k, v in enumerate(layers)}
    return save(tensors)


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
