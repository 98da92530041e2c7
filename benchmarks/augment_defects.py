"""Whether simulated defects help: two small networks, one taught with mirrors only, one with *serial sections*.

Claim: on sections with injected defects the second loses at most half as much V_rand, against the same sections without
defects, as the first.

    NAPARI_EMSEG_DATA=... OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/augment_defects.py [--models DIR]

Both are taught the membranes of sections 0 to 11 of the VNC stack for as many steps, from the same two seeds, and find those
of sections 12 to 15: as they are, and with one section at a time spoiled in each of eight ways (`phantom/blemishes.py`: other
code, other shapes and other strengths than the augmentations).

Where a blemish hides tissue - a band that is missing, grains of dirt, the layers of a fold - nobody can know the membranes. The
score leaves these pixels out for both networks alike, and makes them a border of what is compared: what a network says there
neither joins nor parts two pieces, and what lay under it neither joins nor parts two objects. Beside it stands the score
without that mask, where truth stays as it was under the band and the two halves that a fold brings together count as one.
V_rand is the best of eight thresholds for each kind; at the threshold that is best on clean sections it is given beside it.
Networks that lie in --models already are neither taught nor scored again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from napari_emseg.algorithms.metrics.boundary import section_v_rand_v_info
from napari_emseg.algorithms.metrics.thinning import components, thin, thin_roughly
from napari_emseg.augment.mirror import Mirror
from napari_emseg.augment.recipe import Augmentation, load_recipe, only, parse_recipe
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

PLAIN = "mirrors only"
SCORED = (12, 13, 14, 15)
SCORES = "scores.json"
THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
WAYS = ("visible", "visible, fixed threshold", "everything")
Row = dict[str, float]
Thinning = Callable[[NDArray[np.bool_]], NDArray[np.int32]]


def volume(home: Path) -> TrainingVolume:
    source = VolumeSource(
        name="vnc", image=str(home / "vnc/stack1/raw"), voxel_size_nm=(50, 4.6, 4.6), train="0-11",
        truth={"membrane": TruthSource(path=str(home / "vnc/stack1/membranes"), rim_px=4)},
    )  # fmt: skip
    return load_volumes((source,), home)[0]


def learn(taught: TrainingVolume, augmentation: Augmentation, steps: int, seed: int, folder: Path) -> None:
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
        walls=False,
        seed=seed,
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

    def clean(self) -> Row:
        """V_rand of the sections as they are; also chooses the threshold that is called fixed."""
        maps = [self.found(z) for z in SCORED]
        best, self.threshold = best_v_rand([self.cells[z] for z in SCORED], maps)
        return dict.fromkeys(WAYS, best)

    def spoiled(self, kind: str, seed: int) -> Row:
        """V_rand of sections that are spoiled in one way."""
        maps, truths, hidden = [], [], []
        for z in SCORED:
            rng = np.random.default_rng((seed, z, *kind.encode()))
            made = blemish(self.image[z], ~self.cells[z], kind, rng)
            maps.append(self.found(z, made.section))
            truths.append(~made.truth)
            hidden.append(made.hidden)
        seen = [np.where(gone, np.float32(1), m) for m, gone in zip(maps, hidden, strict=True)]
        there = [cells & ~gone for cells, gone in zip(truths, hidden, strict=True)]
        best = best_v_rand(there, seen)[0]
        whole = best_v_rand(truths, maps)[0] if any(gone.any() for gone in hidden) else best
        return dict(zip(WAYS, (best, v_rand(there, seen, self.threshold, thin), whole), strict=True))


def v_rand(
    cells: list[NDArray[np.bool_]], maps: list[NDArray[np.float32]], threshold: float, thinning: Thinning
) -> float:
    """Mean V_rand of sections at a threshold."""
    found = []
    for cell, section in zip(cells, maps, strict=True):
        truth = components(cell)
        inside = truth > 0
        found.append(section_v_rand_v_info(truth[inside], thinning(section < threshold)[inside])[0])
    return float(np.mean(found))


def best_v_rand(cells: list[NDArray[np.bool_]], maps: list[NDArray[np.float32]]) -> tuple[float, float]:
    """V_rand at the best of eight thresholds, which quick thinning chooses, and that threshold."""
    best = max(THRESHOLDS, key=lambda t: v_rand(cells, maps, t, thin_roughly))
    return v_rand(cells, maps, best, thin), best


def scored(scorer: Scorer, times: int) -> dict[str, Row]:
    """V_rand of clean sections, and of those that are spoiled in each way."""
    rows = {"clean": scorer.clean()}
    for kind in BLEMISHES:
        rows[kind] = mean([scorer.spoiled(kind, seed) for seed in range(times)])
    return rows


def mean(rows: list[Row]) -> Row:
    """Mean of rows, key by key."""
    return {way: float(np.mean([row[way] for row in rows])) for way in rows[0]}


def lost(rows: dict[str, Row], way: str) -> float:
    """What is lost of V_rand, mean over the kinds."""
    return rows["clean"][way] - float(np.mean([rows[kind][way] for kind in BLEMISHES]))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", default="0,1", help="seeds from which both are taught")
    parser.add_argument(
        "--times", type=int, default=2, help="ways in which every section is spoiled by every kind"
    )
    parser.add_argument("--models", type=Path, help="folder in which the networks are kept")
    parser.add_argument("--recipe", default="serial sections", help="a preset, or a file with a recipe")
    parser.add_argument("--output", type=Path, help="also write the report here")
    args = parser.parse_args()
    if "NAPARI_EMSEG_DATA" not in os.environ:
        print("NAPARI_EMSEG_DATA names no folder with the VNC stack")
        return 1
    home, file = Path(os.environ["NAPARI_EMSEG_DATA"]), Path(args.recipe)
    recipe = parse_recipe(file.read_text("utf-8")) if file.is_file() else load_recipe(args.recipe)
    name = file.stem if file.is_file() else args.recipe
    taught = volume(home)
    cells = taught.truth["membrane"] == 0
    found: dict[str, list[dict[str, Row]]] = {PLAIN: [], name: []}
    with tempfile.TemporaryDirectory() as temporary:
        for seed in args.seeds.split(","):
            for own, augmentation in ((PLAIN, only(mirror=Mirror(sections=False))), (name, recipe)):
                folder = (args.models or Path(temporary)) / f"{own.replace(' ', '-')}-{args.steps}-{seed}"
                started = time.process_time()
                if not (folder / CARD).is_file():
                    learn(taught, augmentation, args.steps, int(seed), folder)
                kept = folder / SCORES
                if not kept.is_file():
                    kept.write_text(json.dumps(scored(Scorer(folder, taught, cells), args.times)), "utf-8")
                found[own].append(json.loads(kept.read_text("utf-8")))
                print(
                    f"{own}, seed {seed}: {time.process_time() - started:.0f} s of processor time",
                    file=sys.stderr,
                    flush=True,
                )
    report = compared(found, name) | {"steps": args.steps, "seeds": args.seeds, "times": args.times}
    text = json.dumps(report, indent=1)
    print(text)
    if args.output is not None:
        args.output.write_text(text + "\n", "utf-8")
    return 0 if report["passed"] else 1


def compared(found: dict[str, list[dict[str, Row]]], name: str) -> dict[str, object]:
    """Scores kind by kind, and by how much less the second network loses."""
    report: dict[str, object] = {}
    means = {own: {key: mean([run[key] for run in runs]) for key in runs[0]} for own, runs in found.items()}
    for way in WAYS:
        table = {key: {own: round(means[own][key][way], 4) for own in (PLAIN, name)} for key in means[PLAIN]}
        losses = {own: lost(means[own], way) for own in means}
        each = [lost(b, way) / lost(a, way) for a, b in zip(found[PLAIN], found[name], strict=True)]
        report[way] = table | {
            "lost": {own: round(value, 4) for own, value in losses.items()},
            "ratio": round(losses[name] / losses[PLAIN], 3),
            "ratio of each seed": [round(r, 3) for r in each],
        }
    report["passed"] = all(lost(means[name], way) <= 0.5 * lost(means[PLAIN], way) for way in WAYS[:1])
    return report


if __name__ == "__main__":
    sys.exit(main())
