"""Whether simulated defects help: two small networks, one taught with mirrors only, one with *serial sections*.

Claim: on sections with injected defects the second loses at most half as much V_rand, against the same sections without
defects, as the first.

    OMP_NUM_THREADS=1 python benchmarks/augment_defects.py

Both see the same phantom for as many steps. The defects of the test (folds, cracks, low contrast) are those of the
phantom, drawn by other code than the augmentations and with truth that follows them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch

from napari_emseg.algorithms.metrics.boundary import boundary_scores
from napari_emseg.augment.mirror import Mirror
from napari_emseg.augment.recipe import Augmentation, load_recipe, only
from napari_emseg.core.learning import TrainingVolume
from napari_emseg.core.progress import Silent
from napari_emseg.nn.checkpoint import load_model
from napari_emseg.nn.recipe import TrainRecipe
from napari_emseg.nn.train import train
from napari_emseg.nn.validate import predict_sections
from napari_emseg.phantom import PhantomSettings, make_phantom
from napari_emseg.phantom.phantom import Phantom
from napari_emseg.phantom.settings import DefectSettings

SPACING = (50.0, 4.6, 4.6)
SIZE = 256
SECTIONS = 24
RECIPES: dict[str, Augmentation] = {
    "mirrors only": only(mirror=Mirror()),
    "serial sections": load_recipe("serial sections"),
}


def volume(made: Phantom) -> TrainingVolume:
    truth = {"membrane": np.asarray(made.membranes, dtype=np.uint8)}
    return TrainingVolume("phantom", made.image, SPACING[2], truth, tuple(range(len(made.image))))


def test_stack(defects: bool) -> Phantom:
    injured = DefectSettings(folds=3, cracks=3, low_contrast=3) if defects else DefectSettings()
    return make_phantom((SECTIONS, SIZE, SIZE), SPACING, seed=77, settings=PhantomSettings(defects=injured))


def learn(augmentation: Augmentation, steps: int, folder: Path) -> None:
    recipe = TrainRecipe(
        arguments={"widths": [12, 24, 48], "head": 4},
        steps=steps,
        batch=4,
        size=160,
        learning_rate=3e-3,
        warm_up=20,
        average=0.98,
        validate_every=steps,
        save_every=steps,
        augmentation=augmentation,
    )
    made = [make_phantom((12, 384, 384), SPACING, seed=s) for s in (1, 2)]
    train([volume(m) for m in made], recipe, folder, Silent(), device="cpu")


def v_rand(folder: Path, made: Phantom, sections: list[int]) -> float:
    network, card = load_model(folder)
    with torch.inference_mode():
        found = predict_sections(
            network, volume(made).normalised(), sections, card.context_sections, torch.device("cpu")
        )[0]
    return boundary_scores(~made.membranes[sections], found)["v_rand"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=400)
    steps: int = parser.parse_args().steps
    clean, injured = test_stack(False), test_stack(True)
    struck = sorted(injured.bad_sections)
    report: dict[str, object] = {"steps": steps, "struck": dict(injured.bad_sections)}
    losses = {}
    with tempfile.TemporaryDirectory() as home:
        for name, augmentation in RECIPES.items():
            folder = Path(home) / name.replace(" ", "-")
            learn(augmentation, steps, folder)
            good, bad = v_rand(folder, clean, struck), v_rand(folder, injured, struck)
            losses[name] = good - bad
            report[name] = {
                "clean": round(good, 4),
                "with defects": round(bad, 4),
                "lost": round(good - bad, 4),
            }
    ratio = losses["serial sections"] / max(losses["mirrors only"], 1e-6)
    report |= {"ratio": round(ratio, 3), "passed": bool(ratio <= 0.5)}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
