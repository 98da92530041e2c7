"""How likely two overlapping objects are one: a logistic model of the clues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LIMIT = 1e-4

# One weight per clue, in the order of CLUES. Logistic regression (L2, C = 1 on standardised clues) on 600 000 pairs of
# overlapping objects, each stack weighted by the root of its pairs: a FIB-SEM stack of fly medulla (the data named in
# docs/propagation.md) cut along all three axes into sections of 10 to 50 nm, 18 phantoms with sections of 30 to 100 nm,
# and 8 volumes of tubes in all directions with spines, branches and astrocytes, 30 to 50 nm; gaps of one and two
# sections among them. Models fitted without one of the three families work as well on that family.
_INTERCEPT = 0.9138
_WEIGHTS = np.array(
    [
        1.2098, 1.1022, 4.9092, -0.0583, 0.6194, 1.6259, 0.6354,
        0.3288, -0.7256, -9.4829, -4.1359, -1.2045, -0.6276, -0.1451,
    ]
)  # fmt: skip


def probability(clues: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that the two objects of every pair are one.

    Parameters
    ----------
    clues : ndarray of float64 (n, len(CLUES))
        From `napari_emseg.algorithms.evidence.gather`.
    """
    return np.asarray(1 / (1 + np.exp(-(_INTERCEPT + clues @ _WEIGHTS))))


def log_odds(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Natural log-odds of probabilities, kept away from infinity."""
    chance = np.clip(chance, _LIMIT, 1 - _LIMIT)
    return np.asarray(np.log(chance / (1 - chance)))
