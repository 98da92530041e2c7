"""Score a result against ground truth.

boundary: TRUTH is non-zero in cells and 0 on borders, PREDICTION the probability that a pixel is membrane; ids of TRUTH that
touch without a border are one object, and "note" says how many do.
segmentation: both are object ids; ground truth 0 is ignored. semantic: both are masks or probabilities.
detection: instances, as ids, masks or probabilities. clefts: masks or CREMI's volumes; what CREMI ignores is left out.
partners: CREMI files or skeletons of two nodes; the neurons come from TRUTH or --segmentation.
Of a CREMI file, segmentation takes volumes/labels/neuron_ids and clefts volumes/labels/clefts.
A score that is not defined is null, and "reason" says why.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import add_pixel_size, section_list, voxel_size
from napari_emseg.core.errors import EmsegError, WrongCall

if TYPE_CHECKING:
    from napari_emseg.commands.reporting import Quiet
    from napari_emseg.core.stack import Spacing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """KIND TRUTH PREDICTION."""
    parser.add_argument(
        "kind", choices=("boundary", "segmentation", "semantic", "detection", "clefts", "partners")
    )
    parser.add_argument("truth", metavar="TRUTH")
    parser.add_argument("prediction", metavar="PREDICTION")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--sections",
        type=section_list,
        metavar="3,5-7",
        help="sections of TRUTH to compare; PREDICTION holds them or the stack",
    )
    parser.add_argument(
        "--border", type=float, default=0.0, metavar="NM", help="segmentation: ignore borders of this width"
    )
    parser.add_argument(
        "--above",
        type=float,
        default=0.0,
        metavar="V",
        help="semantic, detection, clefts: foreground of TRUTH is above this",
    )
    parser.add_argument(
        "--prediction-above",
        type=float,
        default=0.0,
        metavar="V",
        help="detection, clefts: the same for PREDICTION",
    )
    parser.add_argument(
        "--border-is-nonzero", action="store_true", help="boundary: TRUTH is 0 in cells instead of on borders"
    )
    parser.add_argument(
        "--iou",
        type=float,
        default=0.5,
        metavar="X",
        help="detection: overlap of a found object (default 0.5)",
    )
    parser.add_argument(
        "--min-size", type=int, default=0, metavar="VOXELS", help="detection: leave out smaller objects"
    )
    parser.add_argument(
        "--distance", type=float, metavar="NM",
        help="clefts: beyond this a voxel is false (default 200); partners: sites are the same up to this (400)",
    )  # fmt: skip
    parser.add_argument("--segmentation", metavar="FILE", help="partners: true neurons")
    parser.add_argument(
        "--skeletons", metavar="FILE", help="segmentation: true skeletons, for the run length"
    )
    parser.add_argument(
        "--objects", type=Path, metavar="OUT.csv", help="segmentation: write the errors of each object"
    )
    parser.add_argument(
        "--error-map", metavar="OUT",
        help="segmentation: write where the errors are: 1 false split, 2 false merger, 3 missed, 4 not in TRUTH",
    )  # fmt: skip
    add_pixel_size(parser)


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Print the scores."""
    from napari_emseg.jobs.evaluate import evaluate_files

    _check_numbers(args)
    _check_outputs(args)
    spacing, is_known = _voxel_size(args)
    scores = evaluate_files(
        args.kind, args.truth, args.prediction, sections=_sections(args), border_nm=args.border, spacing_nm=spacing,
        is_thickness_known=is_known, truth_above=args.above, prediction_above=args.prediction_above,
        border_is_nonzero=args.border_is_nonzero, iou=args.iou, min_voxels=args.min_size,
        distance_nm=args.distance, segmentation=args.segmentation, skeletons=args.skeletons, objects=args.objects,
        error_map=args.error_map, progress=progress,
    )  # fmt: skip
    progress.close()
    if args.json:
        print(json.dumps(scores))
        return 0
    width = max(len(key) for key in scores)
    for key, value in scores.items():
        print(f"{key:<{width}}  {_shown(value)}")
    return 0


def _check_numbers(args: argparse.Namespace) -> None:
    if not 0 < args.iou <= 1:
        raise WrongCall(f"an overlap of {args.iou:g} does not exist", "--iou", "give more than 0, at most 1")
    sizes = {"--border": args.border, "--distance": args.distance, "--min-size": args.min_size}
    for flag, value in sizes.items():
        if value is not None and not 0 <= value < float("inf"):
            raise WrongCall(f"{value:g} is no length or size", flag, "give 0 or more")


def _voxel_size(args: argparse.Namespace) -> tuple[Spacing | None, bool]:
    """Of the files, or as it was given, and whether the thickness of sections is known where anything is.

    Raises
    ------
    EmsegError
        If the scores need the thickness, and it is not known.
    """
    from napari_emseg.io import open_array
    from napari_emseg.jobs.cremi_place import place_in

    if args.kind == "partners":
        if not args.pixel_size:
            return None, True
        found, is_deep = None, True
    else:
        found = open_array(place_in(args.truth, args.kind))[1]
        if args.pixel_size and found is None:
            found = open_array(place_in(args.prediction, args.kind))[1]
        is_deep = args.kind == "clefts" or args.skeletons
    spacing, is_known = voxel_size(args.pixel_size, found)
    if is_deep and spacing is not None and not is_known:
        raise EmsegError("the section thickness is missing", "--pixel-size", "give it as Z,Y,X in nm")
    return spacing, is_known or spacing is None


def _sections(args: argparse.Namespace) -> tuple[int, ...] | None:
    from napari_emseg.core.section_list import parse_sections
    from napari_emseg.io import open_array
    from napari_emseg.jobs.cremi_place import place_in

    if not args.sections or args.kind == "partners":
        return None
    return parse_sections(args.sections, open_array(place_in(args.truth, args.kind))[0].shape[-3])


def _check_outputs(args: argparse.Namespace) -> None:
    """Refuse what would replace what is read, before the work."""
    from napari_emseg.io.writing import check_new, check_output

    sources = (args.truth, args.prediction, args.segmentation, args.skeletons)
    if (args.objects or args.error_map) and args.kind != "segmentation":
        raise WrongCall(
            "only a segmentation has errors of objects", args.kind, "leave --objects and --error-map out"
        )
    if args.objects is not None:
        check_new(args.objects, *sources)
    if args.error_map is not None:
        check_output(args.error_map, *sources)
        if args.objects is not None and Path(args.error_map).resolve() == args.objects.resolve():
            raise WrongCall(
                "two results would be written to one file", args.error_map, "give each its own name"
            )


def _shown(value: float | str | None) -> str:
    if value is None:
        return "not defined"
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else f"{value:.4f}"
