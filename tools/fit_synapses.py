"""Fit what tells partners of synapses (`algorithms/synapses/likelihood.py`), on phantoms with maps of three qualities.

    python tools/fit_synapses.py measure FILE   # phantoms 1-8 and the clues of all candidates, about 20 minutes on a core
    python tools/fit_synapses.py fit FILE       # how well it does on phantoms that were left out, and the numbers

What is true is looked at only to say which candidates are partners; `benchmarks/synapses.py` uses other phantoms.
"""

from __future__ import annotations

import argparse
import pickle
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi
from scipy.optimize import minimize

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from _synapse_maps import LEVELS, maps

from napari_emseg.algorithms.synapses.likelihood import Logistic
from napari_emseg.algorithms.synapses.masks import CleftMap
from napari_emseg.algorithms.synapses.numbering import number_synapses
from napari_emseg.algorithms.synapses.places import around
from napari_emseg.algorithms.synapses.surroundings import (
    MARGIN_NM,
    SHAPE_CLUES,
    Crop,
    Surroundings,
    survey_crop,
)
from napari_emseg.phantom import make_phantom
from napari_emseg.phantom.settings import PhantomSettings
from napari_emseg.settings import SynapseSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_emseg.phantom.phantom import Phantom

SHAPE = (16, 384, 384)
SEEDS = range(1, 9)
SAME_NM = 30.0  # a found cleft this close to a true one is that one
FAINT = (1.0, 0.6, 0.3)  # maps are also learnt at these strengths: clues scale with them
LINEAR, SQUARE = (8, 10, 15), (9, 11)  # of the clues of pairs


@dataclass(frozen=True, eq=False)
class Example:
    """Candidates of one synapse with a map and without; 1 and -1 are partners (in this order, or the other), 0 none."""

    seed: int
    level: str
    sided: Surroundings
    plain: Surroundings | None
    truth: NDArray[np.int64]
    lost: int


def phantom_of(seed: int) -> Phantom:
    """A phantom with many synapses; every third has thinner sections."""
    spacing = (50.0, 4.6, 4.6) if seed % 3 else (40.0, 4.0, 4.0)
    return make_phantom(SHAPE, spacing, seed=seed, settings=PhantomSettings(synapses_per_um3=9))


def examples(seed: int, level: str, phantom: Phantom) -> Iterator[Example]:
    """Candidates of all synapses that are found in maps of a quality."""
    settings, spacing = SynapseSettings(), phantom.spacing_nm
    cleft, sides = maps(phantom, LEVELS[level], np.random.default_rng(seed))
    found = number_synapses(CleftMap(cleft, settings.threshold), settings, spacing, block=(16, 128, 128))
    for place in found.places:
        box = around(place.region, MARGIN_NM, spacing, SHAPE).slices
        names, cells = np.unique(phantom.labels[box], return_inverse=True)
        mine = found.labels[box] == place.id
        crop = Crop(
            mine, cells.reshape(mine.shape) + 1, tuple(int(n) for n in names), spacing,
            sides[0][box] - sides[1][box], phantom.image[box],
        )  # fmt: skip
        near = phantom.clefts[box][ndi.distance_transform_edt(~mine, spacing) <= SAME_NM]
        true = {(p.pre_id, p.post_id) for p in phantom.partners if p.cleft_id in set(near[near > 0].tolist())}
        sided = survey_crop(crop, settings)
        ids = [crop.ids[k - 1] for k in sided.cells]
        kind = [((ids[i], ids[j]) in true) - int((ids[j], ids[i]) in true) for i, j in sided.pairs.tolist()]
        # noise as bad as that says nothing about shapes
        plain = None if level == "bad" else survey_crop(replace(crop, signed=None), settings)
        truth = np.asarray(kind, np.int64)
        yield Example(seed, level, sided, plain, truth, len(true) - int(np.abs(truth).sum()))


def fit(clues: NDArray[Any], side: NDArray[Any], *, is_odd: bool) -> Logistic:
    """L2, C = 1; an odd one changes its answer with the sign of its clues."""
    n = clues.shape[1]
    mean = np.zeros(n) if is_odd else clues.mean(0)
    spread = np.maximum(np.sqrt(((clues - mean) ** 2).mean(0)), 1e-6)
    z = np.clip((clues - mean) / spread, -4, 4)

    def loss(w: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        odds = z @ w[:-1] + (0 if is_odd else w[-1])
        gradient = -side / (1 + np.exp(side * odds))
        total = np.logaddexp(0, -side * odds).sum() + 0.5 * (w[:-1] ** 2).sum()
        return float(total), np.r_[z.T @ gradient + w[:-1], 0 if is_odd else gradient.sum()]

    w = minimize(loss, np.zeros(n + 1), jac=True).x
    return Logistic(mean, spread, w[:-1], 0.0 if is_odd else float(w[-1]))


def rows(these: list[Example], evidence: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Clues of pairs, clues of direction, and truth."""
    pairs, ways, truth = [], [], []
    for one in these:
        found = one.sided if evidence == "map" else one.plain
        if found is None or not one.truth.size:
            continue
        ways.append(
            found.direction_clues[:, : len(SHAPE_CLUES)] if evidence == "shape" else found.direction_clues
        )
        pairs.append(found.pair_clues)
        truth.append(one.truth)
    return np.concatenate(pairs), np.concatenate(ways), np.concatenate(truth)


def fitted(these: list[Example], evidence: str) -> tuple[Logistic, Logistic]:
    """Partners or not, and which way."""
    pairs, ways, truth = rows(these, evidence)
    if evidence == "map":
        many_pairs, many_ways = [], []
        for strength in FAINT:
            p, w = pairs.copy(), ways.copy()
            p[:, LINEAR] *= strength
            p[:, SQUARE] *= strength**2
            w[:, :2] *= strength
            many_pairs.append(p)
            many_ways.append(w)
        pairs, ways, truth = np.concatenate(many_pairs), np.concatenate(many_ways), np.tile(truth, len(FAINT))
    is_pair = truth != 0
    return (
        fit(pairs, np.where(is_pair, 1.0, -1.0), is_odd=False),
        fit(ways[is_pair], truth[is_pair].astype(float), is_odd=True),
    )


def judge(every: list[Example], evidence: str) -> None:
    """Print precision and recall of directed pairs on phantoms that were left out."""
    levels = [level for level in LEVELS if evidence == "map" or level != "bad"]
    for level in levels:
        right = said = there = way = known = 0
        for seed in sorted({one.seed for one in every}):
            partner, forward = fitted([one for one in every if one.seed != seed], evidence)
            mine = [one for one in every if one.seed == seed and one.level == level]
            pairs, ways, truth = rows(mine, evidence)
            chance, ahead = partner(pairs), forward(ways)
            sure = np.maximum(ahead, 1 - ahead)
            kept = chance * sure >= 0.5
            correct = (ahead > 0.5) == (truth > 0)
            right += int((kept & correct & (truth != 0)).sum())
            said += int(kept.sum())
            there += int((truth != 0).sum()) + sum(one.lost for one in mine)
            way += int(correct[truth != 0].sum())
            known += int((truth != 0).sum())
        print(
            f"{evidence:6s} {level:6s} precision {right / max(said, 1):.3f} recall {right / there:.3f} "
            f"F1 {2 * right / (said + there):.3f}  direction of true pairs {way / known:.3f} ({known})"
        )


def written(name: str, model: Logistic) -> str:
    """The numbers as they stand in the program."""
    lines = "\n".join(
        f"    ({m:.5g}, {s:.5g}, {w:.5g}),"
        for m, s, w in zip(model.mean, model.spread, model.weight, strict=True)
    )
    return f"{name} = _fitted(\n    {model.bias:.5g},\n{lines}\n)"


def main() -> None:
    """Measure or fit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("measure", "fit"))
    parser.add_argument("file", type=Path)
    args = parser.parse_args()
    if args.what == "measure":
        found = []
        for seed in SEEDS:
            phantom = phantom_of(seed)
            for level in LEVELS:
                found += list(examples(seed, level, phantom))
                print(f"phantom {seed}, {level}: {len(found)} synapses so far", flush=True)
        args.file.write_bytes(pickle.dumps(found))
        return
    every = pickle.loads(args.file.read_bytes())  # our own
    for evidence in ("map", "shape", "image"):
        judge(every, evidence)
    for evidence, names in (("map", "MAP"), ("shape", "SHAPE"), ("image", "IMAGE")):
        partner, forward = fitted(every, evidence)
        if evidence != "image":  # the image tells the direction only
            print(written(f"PARTNER_BY_{names}", partner))
        print(written(f"FORWARD_BY_{names}", forward))


if __name__ == "__main__":
    main()
