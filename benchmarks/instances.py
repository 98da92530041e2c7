"""Claim: how many mitochondria and synaptic clefts the bundled model finds, as things and not as pixels.

Predicts VNC sections 12-15, which no model has learned from, with ``napari-emseg predict``, divides the probability into
things with ``napari-emseg instances`` and scores them with ``napari-emseg evaluate detection``: found means that a
true thing and a predicted one share at least half of their union, one to one. The data hold masks and no ids, so true
things are connected parts. They are counted twice: as things of the stack (3D), and as things of every section on its own
(2D), which is what a person sees and corrects. Average precision of voxels is printed beside it.

The settings of `CUT` were chosen on sections 0-11. With ``--models`` other models are scored in the same run, such as a
plain U-Net.

    NAPARI_EMSEG_DATA=... python benchmarks/instances.py
    NAPARI_EMSEG_DATA=... python benchmarks/instances.py --models membrane runs/unet-cleft --targets cleft
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bundled_model import program

from napari_emseg.core.model_card import find_model, read_card
from napari_emseg.io import open_array, open_image, write_array

SPACING_NM = (50.0, 4.6, 4.6)
FOUND = ("matched", "missed", "extra")


@dataclass(frozen=True)
class Cut:
    """How things are cut out of their probability.

    Parameters
    ----------
    truth : str
        Folder of grey masks whose foreground is above 127.
    stack, section : tuple of str
        Arguments of ``instances`` for the stack and for single sections.
    """

    truth: str
    stack: tuple[str, ...]
    section: tuple[str, ...]


WHOLE = ("--split-tolerance", "0")
CUT = {
    "mitochondria": Cut(
        "mitochondria",
        ("--threshold", "0.7", *WHOLE),
        ("--threshold", "0.7", *WHOLE, "--min-area", "6000", "--min-volume-um3", "0"),
    ),
    "cleft": Cut(
        "synapses",
        ("--threshold", "0.9", *WHOLE, "--min-area", "2000", "--min-volume-um3", "0.0003"),
        ("--threshold", "0.9", *WHOLE, "--min-area", "4000", "--min-volume-um3", "0"),
    ),
}


def f1(counts: dict[str, float]) -> float:
    """Harmonic mean of precision and recall."""
    found = 2 * counts["matched"]
    return found / (found + counts["missed"] + counts["extra"])


def detected(truth: Path, probability: Path, how: tuple[str, ...], work: Path) -> dict[str, float]:
    """Things that were found, missed and invented."""
    out = work / "things.h5"
    spacing = ",".join(f"{nm:g}" for nm in SPACING_NM)
    program("instances", probability, out, "--pixel-size", spacing, *how)
    said = json.loads(program("evaluate", "detection", truth, out, "--json"))
    return {name: said[name] for name in FOUND}


def section_by_section(truth: Path, probability: Path, how: tuple[str, ...], work: Path) -> dict[str, float]:
    """The same, every section on its own, added up."""
    total = dict.fromkeys(FOUND, 0.0)
    one_truth, one = work / "one-truth.h5", work / "one.h5"
    there, chance = (np.asarray(open_array(path)[0][:]) for path in (truth, probability))
    for n in range(len(there)):
        write_array(one_truth, there[n : n + 1], spacing_nm=SPACING_NM)
        write_array(one, chance[n : n + 1], spacing_nm=SPACING_NM)
        found = detected(one_truth, one, how, work)
        total = {name: total[name] + found[name] for name in FOUND}
    return total


def main() -> None:
    """Predict, divide, score, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["membrane"])
    parser.add_argument("--targets", nargs="+", choices=CUT, default=list(CUT))
    parser.add_argument("--sections", default="12-15", help="first and last; settings were chosen on 0-11")
    args = parser.parse_args()
    if "NAPARI_EMSEG_DATA" not in os.environ:
        raise SystemExit("set NAPARI_EMSEG_DATA to the folder of real data")
    stack = Path(os.environ["NAPARI_EMSEG_DATA"]) / "vnc/stack1"
    first, last = (int(n) for n in args.sections.split("-"))
    _, y, x = open_image(stack / "raw").shape
    for model in args.models:
        for target in args.targets:
            if target not in read_card(find_model(model)).targets:
                continue
            cut = CUT[target]
            with tempfile.TemporaryDirectory() as folder:
                work = Path(folder)
                truth, chance = work / "truth.h5", work / "chance.h5"
                masks = np.asarray(open_array(stack / cut.truth)[0][first : last + 1]) > 127
                write_array(truth, masks.astype(np.uint8), spacing_nm=SPACING_NM)
                region = f"{first}:{last + 1},0:{y},0:{x}"
                program(
                    "predict", stack / "raw", chance, "--model", model, "--targets", target,
                    "--region", region, "--pixel-size", SPACING_NM[1],
                )  # fmt: skip
                voxels = json.loads(program("evaluate", "semantic", truth, chance, "--json"))
                solid = detected(truth, chance, cut.stack, work)
                flat = section_by_section(truth, chance, cut.section, work)
            print(
                f"{Path(model).name:16s} {target:13s} F1@0.5 3D {f1(solid):.3f}  2D {f1(flat):.3f}  "
                f"average precision {voxels['average_precision']:.4f}  dice {voxels['dice']:.4f}  "
                f"3D {solid}  2D {flat}",
                flush=True,
            )


if __name__ == "__main__":
    main()
