"""Claim: what the bundled model scores on sections that it never saw, through the command line.

Predicts ISBI 2012 sections 20-24 and VNC sections 12-15 with ``napari-emseg predict`` (its default, four mirrored
views, and with one view as in the viewport) and scores them with ``napari-emseg evaluate boundary``; mitochondria and
clefts of VNC with ``evaluate semantic``; and what is left to correct, per 100 objects, in segments of ``napari-emseg
segment`` (its default, as with S in the window). The peer, in the same run, is the bundled starting model that has seen ISBI
alone. With ``--card FILE`` the scores are written for the model card.

    NAPARI_EMSEG_DATA=... python benchmarks/bundled_model.py
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from napari_emseg.core.model_card import find_model, read_card
from napari_emseg.io import open_array, open_image, write_array
from napari_emseg.jobs.oracle import edits_needed

KINDS = ("merges_needed", "splits_needed", "missed")
KEYS = ("v_rand", "v_info", "edits_per_100_objects", "merges_needed", "splits_needed", "f1_75", "threshold")


def program(*args: object) -> str:
    """What ``napari-emseg`` says on standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "napari_emseg.cli", *(str(a) for a in args)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def main() -> None:
    """Predict, score, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["membrane", "membrane-isbi"])
    parser.add_argument("--tta", nargs="+", default=["none", "flips"])
    parser.add_argument("--card", type=Path)
    args = parser.parse_args()
    if "NAPARI_EMSEG_DATA" not in os.environ:
        raise SystemExit("set NAPARI_EMSEG_DATA to the folder of real data")
    data = Path(os.environ["NAPARI_EMSEG_DATA"])
    stacks = {
        "isbi2012 20-24": (data / "isbi2012/train/image", data / "isbi2012/train/label", (), 4.0, (20, 25)),
        "vnc 12-15": (
            data / "vnc/stack1/raw",
            data / "vnc/stack1/membranes",
            ("--border-is-nonzero",),
            4.6,
            (12, 16),
        ),
    }
    card: dict[str, dict[str, float]] = {}
    for model in args.models:
        for name, (image, truth, flags, pixel, (first, stop)) in stacks.items():
            for tta in args.tta:
                with tempfile.TemporaryDirectory() as work:
                    out = Path(work) / "p.h5"
                    _, y, x = open_image(image).shape
                    region = f"{first}:{stop},0:{y},0:{x}"
                    program(
                        "predict", image, out, "--model", model, "--targets", "membrane", "--tta", tta,
                        "--region", region, "--pixel-size", pixel,
                    )  # fmt: skip
                    said = program(
                        "evaluate",
                        "boundary",
                        truth,
                        out,
                        *flags,
                        "--sections",
                        f"{first}-{stop - 1}",
                        "--json",
                    )
                    scores = json.loads(said)
                    print(
                        f"{model:16s} {name:16s} {tta:6s} " + "  ".join(f"{k} {scores[k]:.4f}" for k in KEYS),
                        flush=True,
                    )
                    print(
                        f"{model:16s} {name:16s} {tta:6s} segments: {left(truth, out, (first, stop), flags)}",
                        flush=True,
                    )
                    if model == args.models[0] and tta == "flips":
                        card[name] = {k: round(scores[k], 4) for k in KEYS}
                    if "vnc" in name and tta == "none":
                        card |= others(model, image, data, (first, stop), region, pixel, Path(work))
    if args.card:
        args.card.write_text(json.dumps(card, indent=1))


def left(truth: Path, boundaries: Path, span: tuple[int, int], flags: tuple[str, ...]) -> str:
    """Corrections per 100 objects that segments of a map need."""
    segments = boundaries.with_name("segments.h5")
    program("segment", boundaries, segments)
    known, found = (np.asarray(open_array(file)[0][:]) for file in (truth, segments))
    known = known[slice(*span)]
    rows = [
        edits_needed(labels, cells != 0 if "--border-is-nonzero" in flags else cells == 0)
        for labels, cells in zip(found, known, strict=True)
    ]
    merges, splits, missed = (np.mean([100 * r[k] / r["objects"] for r in rows]) for k in KINDS)
    return f"{merges + splits + missed:.1f} edits ({merges:.1f} merges, {splits:.1f} splits)"


def others(
    model: str, image: Path, data: Path, span: tuple[int, int], region: str, pixel: float, work: Path
) -> dict[str, dict[str, float]]:
    """Dice and average precision of mitochondria and clefts, where the model predicts them."""
    found: dict[str, dict[str, float]] = {}
    for target, folder in (("mitochondria", "mitochondria"), ("cleft", "synapses")):
        if target not in read_card(find_model(model)).targets:
            continue
        out, truth = work / f"{target}.h5", work / f"{target}-truth.h5"
        program(
            "predict",
            image,
            out,
            "--model",
            model,
            "--targets",
            target,
            "--region",
            region,
            "--pixel-size",
            pixel,
        )
        masks = np.asarray(open_array(data / "vnc/stack1" / folder)[0][slice(*span)]) > 127
        write_array(truth, masks.astype(np.uint8))
        scores = json.loads(program("evaluate", "semantic", truth, out, "--json"))
        print(
            f"{model:16s} {'vnc 12-15':16s} {target} " + "  ".join(f"{k} {v:.4f}" for k, v in scores.items()),
            flush=True,
        )
        found[f"vnc 12-15 {target}"] = {k: round(v, 4) for k, v in scores.items()}
    return found


if __name__ == "__main__":
    main()
