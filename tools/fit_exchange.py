"""Fit the few weights that tell when strands exchange their continuations (`algorithms/exchange.py`).

    python tools/link_stacks.py DIR --cortex FILE   # once, and `fit_links.py measure DIR`: see there
    python tools/fit_exchange.py DIR                # prints the weights, and what they would do to stacks left out

Logistic regression on all exchanges of the stacks that teach, also of those with a fifth of their objects.
"""

from __future__ import annotations

import argparse
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from fit_links import judged
from link_stacks import is_held_back

from napari_emseg.algorithms import exchange, reunion, strands
from napari_emseg.algorithms.likelihood import network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RIDGE = 3.0  # on standardised clues
STEPS = 50
FOLDS = 10


def examples(path: Path) -> tuple[Floats, NDArray[np.bool_]]:
    """Clues of all exchanges of a stack, and whether all that they link is one."""
    pieces, owner = pickle.loads(path.read_bytes())
    pieces = judged(pieces, network("pairs"))
    found = exchange.alternatives(pieces, reunion.reunite(pieces, strands.join(pieces))[0])
    wrong = np.bincount(found.of, owner[found.u] != owner[found.v], found.end.size)
    return found.clues, wrong == 0


def fitted(clues: Floats, is_right: NDArray[np.bool_]) -> Floats:
    """Intercept and weights, by Newton's method."""
    mean, spread = clues.mean(0), clues.std(0) + 1e-6
    rows = np.column_stack([np.ones(len(clues)), (clues - mean) / spread])
    ridge = RIDGE * np.diag(np.r_[0.0, np.ones(clues.shape[1])])
    weights = np.zeros(rows.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (chance - is_right) + ridge @ weights
        weights -= np.linalg.solve((rows.T * (chance * (1 - chance))) @ rows + ridge, slope)
    scaled = weights[1:] / spread
    return np.r_[weights[0] - scaled @ mean, scaled]


def main() -> None:
    """Fit, and judge by leaving out tenths of the stacks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    paths = [p for p in sorted(folder.glob("*.pickle")) if not is_held_back(p.stem)]
    rows = [examples(p) for p in paths]
    stack = np.repeat(np.arange(len(rows)), [len(k[1]) for k in rows])
    clues, is_right = (np.concatenate(k) for k in zip(*rows, strict=True))
    weights = fitted(clues, is_right)
    print(f"_INTERCEPT = {weights[0]:.4f}\n_WEIGHTS = np.array({weights[1:].round(4).tolist()})")
    fold = np.random.default_rng(0).permutation(len(rows)) % FOLDS
    chance = np.zeros(len(clues))
    for k in range(FOLDS):
        out = fold[stack] == k
        chance[out] = 1 / (
            1 + np.exp(-np.c_[np.ones(out.sum()), clues[out]] @ fitted(clues[~out], is_right[~out]))
        )
    for kind in sorted({p.stem[:2] for p in paths}):
        here = np.isin(stack, [k for k, p in enumerate(paths) if p.stem.startswith(kind)])
        made = here & (chance >= exchange.EXCHANGE_FROM)
        print(
            f"{kind}: {(here & is_right).sum()} of {here.sum()} are right, {(made & is_right).sum()} of {made.sum()} made"
        )


if __name__ == "__main__":
    sys.exit(main())
