"""Train a model from a recipe; the output folder is a model that --model takes.

Checkpoints, metrics.jsonl and TensorBoard events go to OUT_DIR. Ctrl-C stops within a second and leaves a
state that --resume takes up.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import add_device, out_folder, seconds
from napari_emseg.core.resources import resource_path

if TYPE_CHECKING:
    from napari_emseg.commands.reporting import Quiet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG OUT_DIR and limits."""
    examples = resource_path("recipes")
    parser.add_argument(
        "recipe",
        metavar="CONFIG",
        type=Path,
        help=f"recipe in YAML; there are examples in {examples}".replace("%", "%%"),
    )
    parser.add_argument("out_dir", metavar="OUT_DIR", type=out_folder)
    parser.add_argument("--resume", action="store_true", help="take up the training that OUT_DIR holds")
    parser.add_argument(
        "--max-seconds", type=seconds, default=math.inf, metavar="S",
        help="learn so long and stop in a resumable state; loading comes before, and a step that has begun is finished",
    )  # fmt: skip
    add_device(parser)


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Train in this process."""
    from napari_emseg.core.model_card import read_card
    from napari_emseg.jobs import train

    request = train.TrainRequest(args.recipe, args.out_dir, args.resume, args.max_seconds, args.device)

    def tell(sentence: str) -> None:
        progress.close()
        print(sentence, flush=True)

    folder = train.run(request, progress, tell)
    progress.close()
    said = "trained" if train.is_over(folder) else "stopped when its time was up, --resume goes on"
    print(f"{folder}: {said}")
    for name, scores in read_card(folder).scores.items():
        print(f"  on {name}: " + ", ".join(f"{key} {value:.4g}" for key, value in scores.items()))
    return 0
