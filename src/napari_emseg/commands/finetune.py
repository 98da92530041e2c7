"""Teach a model from labelled sections; the output folder is a model that --model takes.

LABELS are object ids, 0 = border or outside; a binary mask of cells is split into its components, and
touching ids get a membrane between them. --resume goes on from the model that OUT_DIR holds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import add_pixel_size, add_settings, settings_from, voxel_size
from napari_emseg.settings import FinetuneSettings

if TYPE_CHECKING:
    import argparse

    from napari_emseg.commands.reporting import Quiet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL IMAGE LABELS OUT_DIR and how."""
    parser.add_argument("model", metavar="MODEL", help="name or folder")
    parser.add_argument("image", metavar="IMAGE")
    parser.add_argument("labels", metavar="LABELS", help="object ids or a mask of cells, of IMAGE's shape")
    parser.add_argument("out_dir", metavar="OUT_DIR", type=Path)
    parser.add_argument("--sections", metavar="3,5-7", help="sections that teach; default: all with labels")
    parser.add_argument("--ignore", type=int, metavar="ID", help="object id that supervises nothing")
    parser.add_argument("--resume", action="store_true", help="go on from the model in OUT_DIR")
    add_pixel_size(parser)
    add_settings(parser, FinetuneSettings)


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Teach in this process."""
    import numpy as np

    from napari_emseg.core.errors import EmsegError
    from napari_emseg.core.model_card import CARD, find_model
    from napari_emseg.core.stack import ImageStack
    from napari_emseg.io import open_array, open_image
    from napari_emseg.jobs import finetune
    from napari_emseg.jobs.recipe import parse_sections

    settings = settings_from(args, FinetuneSettings)
    has_model = (args.out_dir / CARD).is_file()
    if args.resume and not has_model:
        raise EmsegError("there is no model to go on from", str(args.out_dir), "start it without --resume")
    if has_model and not args.resume:
        raise EmsegError("there is a model here already", str(args.out_dir), "add --resume or choose another")
    model = args.out_dir if args.resume else find_model(args.model)
    stack = open_image(args.image)
    spacing, _ = voxel_size(args.pixel_size, stack.spacing_nm)
    stack = ImageStack(stack.data, spacing, stack.spacing_source, stack.name, stack.uri)
    labels, _ = open_array(args.labels)
    if tuple(labels.shape) != stack.shape:
        raise EmsegError(f"labels {tuple(labels.shape)} and image {stack.shape} differ in shape", args.labels)
    if args.sections:
        sections = parse_sections(args.sections, stack.shape[0])
    else:
        sections = tuple(z for z in range(stack.shape[0]) if np.any(labels[z]))
    empty = [z for z in sections if not np.any(labels[z])]
    if empty or not sections:
        where = f"section {empty[0]}" if empty else "any section"
        raise EmsegError(f"there are no labels in {where}", args.labels, "choose others with --sections")
    request = finetune.prepare_from(
        stack, lambda z: np.asarray(labels[z]), sections, model, args.out_dir, settings,
        name=args.out_dir.resolve().name, ignore_id=args.ignore, with_log=True,
    )  # fmt: skip
    result = finetune.run(request, progress)
    progress.close()
    print(f"{result.model}: {result.steps} steps in {result.seconds:.0f} s, scored on {result.scored_on}")
    for key, after in result.after.items():
        print(f"  {key}: {result.before.get(key, float('nan')):.4g} before, {after:.4g} after")
    return 0
