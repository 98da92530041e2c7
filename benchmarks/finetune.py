"""Claim: one proofread section and a minute on two cores remove much of the proofreading of the others.

An oracle plays the biologist: it proofreads one, two, three sections of a stack from ground truth (object ids,
0 = membrane), each time the model that has learned so far is fine-tuned from the start through the command line,
and every section that it has *not* learned from is scored. The peer, in the same run,
is the starting model.

    NAPARI_EMSEG_DATA=... python benchmarks/finetune.py --model runs/membrane-isbi --sections 3
    NAPARI_EMSEG_DATA=... python benchmarks/finetune.py --model runs/membrane-phantom --sections 3,9,6

The models are made by ``napari-emseg train resources/recipes/membrane-isbi.yaml`` and ``membrane-phantom.yaml``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import ndimage as ndi

from napari_emseg.algorithms.metrics.boundary import boundary_scores
from napari_emseg.io import open_array, open_image, write_array

SPACING = (50.0, 4.6, 4.6)
KEYS = ("edits_per_100_objects", "v_rand", "v_info", "splits_needed", "merges_needed", "missed")


def command(*args: object) -> None:
    """Run the program as a person would; its own words appear if it fails."""
    program = [sys.executable, "-m", "napari_emseg.cli", *(str(a) for a in args)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)


def oracle(cells: np.ndarray) -> np.ndarray:
    """Object ids of every section, as a person leaves them: 4-connected cells, 0 on membranes."""
    return np.stack([ndi.label(section)[0] for section in cells]).astype(np.uint32)


def scores(
    model: Path | str, image: Path, cells: np.ndarray, sections: list[int], work: Path
) -> dict[str, float]:
    """Boundary scores of some sections, predicted with the settings of the viewport."""
    out = work / f"prediction-{time.monotonic_ns()}.h5"
    command(
        "predict",
        image,
        out,
        "--model",
        model,
        "--targets",
        "membrane",
        "--tta",
        "none",
        "--pixel-size",
        SPACING[1],
    )
    found = np.asarray(open_array(out)[0][:])
    return boundary_scores(cells[sections], found[sections])


def row(name: str, values: dict[str, float], seconds: float) -> None:
    """Print one line of the curve."""
    print(f"{name:28s} " + " ".join(f"{values[k]:10.4f}" for k in KEYS) + f" {seconds:8.1f}", flush=True)


def main() -> None:
    """Print the curve, and what the first section was worth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="starting model")
    parser.add_argument("--sections", default="3,9,6", help="sections to proofread, in this order")
    parser.add_argument("--score", default="", help="sections to score; default: all others")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--strategy", default="auto")
    args = parser.parse_args()
    if "NAPARI_EMSEG_DATA" not in os.environ:
        raise SystemExit("set NAPARI_EMSEG_DATA to the folder of real data")
    stack = Path(os.environ["NAPARI_EMSEG_DATA"]) / "vnc" / "stack1"
    image = stack / "raw"
    cells = np.asarray(open_array(stack / "membranes")[0][:]) == 0
    proofread = [int(s) for s in args.sections.split(",")]
    asked = [int(s) for s in args.score.split(",")] if args.score else range(len(open_image(image).data))
    others = [z for z in asked if z not in proofread]
    print(f"{'':28s} " + " ".join(f"{k[:10]:>10s}" for k in KEYS) + "  seconds")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        labels = work / "labels.h5"
        write_array(labels, oracle(cells), spacing_nm=SPACING)
        start = scores(args.model, image, cells, others, work)
        row("starting model", start, 0)
        curve = [start]
        for n in range(1, len(proofread) + 1):
            began = time.monotonic()
            listed = ",".join(str(z) for z in sorted(proofread[:n]))
            out = work / f"model-{n}"
            command(
                "finetune", args.model, image, labels, out, "--sections", listed, "--max-seconds", args.seconds,
                "--strategy", args.strategy, "--pixel-size", SPACING[1],
            )  # fmt: skip
            seconds = time.monotonic() - began
            curve.append(scores(out, image, cells, others, work))
            row(f"after sections {listed}", curve[-1], seconds)
    ratio = curve[1][KEYS[0]] / start[KEYS[0]]
    print(
        f"edits after one section / before: {ratio:.3f}; V_rand {curve[1]['v_rand'] - start['v_rand']:+.4f}"
    )
    print(json.dumps({"curve": [{k: round(c[k], 5) for k in KEYS} for c in curve]}))


if __name__ == "__main__":
    main()
