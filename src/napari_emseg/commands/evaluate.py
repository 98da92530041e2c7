"""Score a result against ground truth.

boundary: TRUTH is non-zero in cells and 0 on borders, PREDICTION the probability that a pixel is membrane.
segmentation: both are object ids; ground truth 0 is ignored. semantic: both are masks or probabilities.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import add_pixel_size, voxel_size

if TYPE_CHECKING:
    from napari_emseg.commands.reporting import Quiet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """KIND TRUTH PREDICTION."""
    parser.add_argument("kind", choices=("boundary", "segmentation", "semantic"))
    parser.add_argument("truth", metavar="TRUTH")
    parser.add_argument("prediction", metavar="PREDICTION")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--sections", metavar="3,5-7", help="sections of TRUTH to compare; PREDICTION holds them or the stack"
    )
    parser.add_argument(
        "--border", type=float, default=0.0, metavar="NM", help="segmentation: ignore borders of this width"
    )
    parser.add_argument(
        "--above", type=float, default=0.0, metavar="V", help="semantic: foreground of TRUTH is above this"
    )
    parser.add_argument(
        "--border-is-nonzero", action="store_true", help="boundary: TRUTH is 0 in cells instead of on borders"
    )
    add_pixel_size(parser)


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Print the scores."""
    from napari_emseg.io import open_array
    from napari_emseg.jobs.evaluate import evaluate_files
    from napari_emseg.jobs.recipe import parse_sections

    array, found = open_array(args.truth)
    spacing, _ = voxel_size(args.pixel_size, found)
    sections = parse_sections(args.sections, array.shape[-3]) if args.sections else None
    scores = evaluate_files(
        args.kind, args.truth, args.prediction, sections=sections, border_nm=args.border, spacing_nm=spacing,
        truth_above=args.above, border_is_nonzero=args.border_is_nonzero,
    )  # fmt: skip
    progress.close()
    if args.json:
        print(json.dumps(scores))
        return 0
    width = max(len(key) for key in scores)
    for key, value in scores.items():
        print(f"{key:<{width}}  {'not defined' if value is None else f'{value:.4f}'}")
    return 0
