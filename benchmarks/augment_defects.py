"""Whether simulated defects help: two small networks, one taught with mirrors only, one with *serial sections*.

Claim: on sections with injected defects the second loses at most half as much V_rand, against the same sections without
defects, as the first.

    NAPARI_EMSEG_DATA=... OMP_NUM_THREADS=1 python benchmarks/augment_defects.py [--steps 1000] [--models DIR]

Both are taught the membranes of sections 0 to 11 of the VNC stack for as many steps, and find those of sections 12 to 15:
as they are, and with one section at a time spoiled in each of eight ways (`phantom/blemishes.py`: other code, other shapes and
other strengths than the augmentations). Truth follows the tissue over a fold, and stays where tissue is hidden. V_rand is the
best over thresholds for each kind; with the threshold that is best on clean sections, it is given beside it.
Networks that lie in --models already are neither taught nor scored again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from napari_emseg.algorithms.metrics.boundary import boundary_scores, section_v_rand_v_info
from napari_emseg.algorithms.metrics.thinning import components, thin
from napari_emseg.augment.mirror import Mirror
from napari_emseg.augment.recipe import Augmentation, load_recipe, only
from napari_emseg.core.learning import TrainingVolume
from napari_emseg.core.model_card import CARD
from napari_emseg.core.progress import Silent
from napari_emseg.core.stack import section_statistics
from napari_emseg.jobs.recipe import TruthSource, VolumeSource, load_volumes
from napari_emseg.nn.checkpoint import load_model
from napari_emseg.nn.recipe import TrainRecipe
from napari_emseg.nn.train import train
from napari_emseg.nn.validate import predict_sections
from napari_emseg.phantom.blemishes import BLEMISHES, blemish

RECIPES: dict[str, Augmentation] = {
    "mirrors only": only(mirror=Mirror(sections=False)),
    "serial sections": load_recipe("serial sections"),
}
SCORED = (12, 13, 14, 15)
SCORES = "scores.json"


def volume(home: Path) -> TrainingVolume:
    source = VolumeSource(
        name="vnc", image=str(home / "vnc/stack1/raw"), voxel_size_nm=(50, 4.6, 4.6), train="0-11",
        truth={"membrane": TruthSource(path=str(home / "vnc/stack1/membranes"), rim_px=4)},
    )  # fmt: skip
    return load_volumes((source,), home)[0]


def learn(taught: TrainingVolume, augmentation: Augmentation, steps: int, folder: Path) -> None:
    recipe = TrainRecipe(
        arguments={"widths": [16, 32, 64, 96], "head": 4},
        steps=steps,
        batch=4,
        size=192,
        learning_rate=3e-3,
        average=0.99,
        validate_every=steps,
        save_every=steps,
        augmentation=augmentation,
    )
    train([taught], recipe, folder, Silent(), device="cpu")


class Scorer:
    """One network on clean and on spoiled sections."""

    def __init__(self, folder: Path, taught: TrainingVolume, cells: NDArray[np.bool_]) -> None:
        self.network, self.card = load_model(folder)
        self.image, self.normal, self.cells = taught.image, taught.normalised(), cells
        self.threshold = 0.5

    def found(self, z: int, section: NDArray[np.uint8] | None = None) -> NDArray[np.float32]:
        """Membranes of a section, perhaps spoiled; its neighbours are clean."""
        stack = self.normal
        if section is not None:
            mean, std = section_statistics(section)
            stack = stack.copy()
            stack[z] = (section.astype(np.float32) - np.float32(mean)) / np.float32(std)
        maps = predict_sections(self.network, stack, [z], self.card.context_sections, torch.device("cpu"))
        return np.asarray(maps[0, 0])

    def score(self, kind: str, seed: int) -> dict[str, float]:
        """V_rand at the best threshold of this kind, and at that of clean sections; an empty kind is clean."""
        maps, truths = [], []
        for z in SCORED:
            rng = np.random.default_rng((seed, z, *kind.encode()))
            section, border = self.image[z], ~self.cells[z]
            if kind:
                section, border = blemish(section, border, kind, rng)
            maps.append(self.found(z, section if kind else None))
            truths.append(~border)
        best = boundary_scores(np.stack(truths), np.stack(maps))
        if not kind:
            self.threshold = float(best["threshold"])
        fixed = [at_threshold(t, m, self.threshold) for t, m in zip(truths, maps, strict=True)]
        return {"best": float(best["v_rand"]), "fixed": float(np.mean(fixed))}


def scored(scorer: Scorer, seeds: int) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """V_rand of clean sections, and of those that are spoiled in each way."""
    good = scorer.score("", 0)
    rows = {}
    for kind in BLEMISHES:
        bad = [scorer.score(kind, seed) for seed in range(seeds)]
        rows[kind] = {way: float(np.mean([one[way] for one in bad])) for way in ("best", "fixed")}
    return good, rows


def at_threshold(cells: NDArray[np.bool_], found: NDArray[np.float32], threshold: float) -> float:
    """V_rand of one section at a threshold that was chosen elsewhere."""
    truth = components(cells)
    inside = truth > 0
    return section_v_rand_v_info(truth[inside], thin(found < threshold)[inside])[0]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument(
        "--seeds", type=int, default=1, help="ways in which every section is spoiled by every kind"
    )
    parser.add_argument("--models", type=Path, help="folder in which the networks are kept")
    parser.add_argument("--output", type=Path, help="also write the report here")
    args = parser.parse_args()
    if "NAPARI_EMSEG_DATA" not in os.environ:
        print("NAPARI_EMSEG_DATA names no folder with the VNC stack")
        return 1
    home = Path(os.environ["NAPARI_EMSEG_DATA"])
    taught = volume(home)
    cells = taught.truth["membrane"] == 0
    report: dict[str, object] = {"steps": args.steps}
    lost: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name, augmentation in RECIPES.items():
            folder = (args.models or Path(temporary)) / name.replace(" ", "-")
            started = time.process_time()
            if not (folder / CARD).is_file():
                learn(taught, augmentation, args.steps, folder)
            kept = folder / SCORES
            if kept.is_file():
                good, rows = json.loads(kept.read_text("utf-8"))
            else:
                good, rows = scored(Scorer(folder, taught, cells), args.seeds)
                kept.write_text(json.dumps([good, rows]), "utf-8")
            lost[name] = {way: good[way] - float(np.mean([r[way] for r in rows.values()])) for way in good}
            report[name] = {
                "processor seconds": round(time.process_time() - started),
                "clean": round(good["best"], 4),
                "with defects": {kind: round(row["best"], 4) for kind, row in rows.items()},
                "lost": round(lost[name]["best"], 4),
                "lost at a fixed threshold": round(lost[name]["fixed"], 4),
            }
            print(json.dumps({name: report[name]}, indent=1), file=sys.stderr, flush=True)
    mine, plain = lost["serial sections"], lost["mirrors only"]
    ratios = {way: mine[way] / max(plain[way], 1e-6) for way in mine}
    report |= {
        "ratio": round(ratios["best"], 3),
        "ratio at a fixed threshold": round(ratios["fixed"], 3),
        "passed": bool(ratios["best"] <= 0.5),
    }
    text = json.dumps(report, indent=1)
    print(text)
    if args.output is not None:
        args.output.write_text(text + "\n", "utf-8")
    return 0 if report["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
