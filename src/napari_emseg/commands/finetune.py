"""Teach a model from labelled sections; the output folder is a model that --model takes.

LABELS are object ids, 0 = border or outside; a binary mask of cells is split into its components, and touching ids
get a membrane between them. IMAGE and LABELS may be lists, a.h5@b.h5; --sections then has a part for each, 3,5@0-2,
or one for all. Where a part of a section alone is labelled, name it with --region: else its border is taken for a
membrane, unless it is straight and follows an axis. Copies of the model are scored on what was held back from them,
and the weights move only as far as that helps. Ctrl-C stops within a second and leaves a state; --resume goes on
with it, or, where OUT_DIR holds a finished model, teaches that one further.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import (
    add_device,
    add_pixel_size,
    add_settings,
    out_folder,
    region,
    region_of,
    section_list,
    settings_from,
    voxel_size,
)
from napari_emseg.core.words import counted
from napari_emseg.settings import FinetuneSettings

if TYPE_CHECKING:
    import argparse
    from pathlib import Path
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from napari_emseg.commands.reporting import Quiet
    from napari_emseg.core.learning import FinetuneResult
    from napari_emseg.jobs.finetune import Teacher

_LOOKED_AT = 3  # sections of a mask
_IGNORED = 2**32 - 1  # id of what supervises nothing, whatever the file calls it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL IMAGE LABELS OUT_DIR and how."""
    parser.add_argument("model", metavar="MODEL", help="name or folder")
    parser.add_argument("image", metavar="IMAGE", help="stack, or several as a.h5@b.h5")
    parser.add_argument("labels", metavar="LABELS", help="object ids or a mask of cells, of IMAGE's shape")
    parser.add_argument("out_dir", metavar="OUT_DIR", type=out_folder)
    parser.add_argument(
        "--sections", type=section_list, metavar="3,5-7", help="sections that teach; default: all with labels"
    )
    parser.add_argument(
        "--region",
        type=region,
        metavar="z0:z1,y0:y1,x0:x1",
        help="what is proofread; the rest teaches nothing",
    )
    parser.add_argument("--ignore", type=int, metavar="ID", help="object id that supervises nothing")
    parser.add_argument("--resume", action="store_true", help="go on with what OUT_DIR holds")
    add_pixel_size(parser)
    add_device(parser)
    add_settings(parser, FinetuneSettings)


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Teach in this process."""
    from napari_emseg.core.model_card import find_model, instead_of_bundled
    from napari_emseg.jobs import finetune

    settings = settings_from(args, FinetuneSettings)
    has_model = _goes_on(args.out_dir, resume=args.resume)
    model = args.out_dir if has_model else find_model(args.model)
    sources = teachers(args)
    hides = "" if has_model else instead_of_bundled(args.model, model)
    notes = [hides, *_about_pixels(sources, model)]
    request = finetune.prepare_from(
        sources, model, args.out_dir, settings,
        name=args.out_dir.resolve().name, ignore_id=None if args.ignore is None and args.region is None else _IGNORED,
        with_log=True,
    )  # fmt: skip
    for note in (*notes, finetune.about_few_labels(request)):
        if note:
            print(note, flush=True)  # before the minutes of work, not after
    result = finetune.run(replace(request, device=args.device), progress)
    progress.close()
    _say(result)
    return 0


def _goes_on(folder: Path, *, resume: bool) -> bool:
    """Whether learning goes on with the model that a folder holds.

    Raises
    ------
    EmsegError
        If the folder holds something and nobody wants to go on with it, or the other way round.
    """
    from napari_emseg.core.errors import EmsegError
    from napari_emseg.core.learning import STOPPED
    from napari_emseg.core.model_card import CARD

    has_model, was_stopped = (folder / CARD).is_file(), (folder / STOPPED).is_file()
    if resume and not (has_model or was_stopped):
        raise EmsegError("there is no model to go on from", str(folder), "start it without --resume")
    if (has_model or was_stopped) and not resume:
        what = "there is a model here already" if has_model else "something was stopped here"
        raise EmsegError(what, str(folder), "add --resume or choose another")
    return has_model


def _say(result: FinetuneResult) -> None:
    from napari_emseg.core.learning import LEARNED

    print(f"{result.model}: {counted(result.steps, 'step')} in {result.seconds:.0f} s")
    if result.after:
        print(f"scored on {result.scored_on}:")
    for key, after in result.after.items():
        print(f"  {key}: {result.before.get(key, float('nan')):.4g} before, {after:.4g} after")
    if result.share == 0:
        where = f"even on {LEARNED}" if result.scored_on == LEARNED else "on what was held back"
        print(f"learning did not help {where}: the model is as it was")
    for former in result.formers:
        print(f"for pixels of the sizes that it knew before, {former} goes on answering")
    if result.unkept:
        print(f"while it learned its state could not be kept: {result.unkept}")


def _about_pixels(sources: list[Teacher], model: Path) -> list[str]:
    """What is to be said of the size of the pixels that teach, each sentence once."""
    from napari_emseg.core.model_card import read_card
    from napari_emseg.core.pixel_guard import check_model

    card = read_card(model)
    found = [check_model(card, source.image.spacing_nm, "learning") for source in sources]
    return list(dict.fromkeys(one.text for one in found if one))


def teachers(args: argparse.Namespace) -> list[Teacher]:
    """The stacks that teach, with their labels and sections.

    Raises
    ------
    EmsegError
        If lists differ in length, shapes differ, or there are no labels.
    """
    from napari_emseg.core.errors import EmsegError
    from napari_emseg.io.volume_list import split_volumes

    images, labels = split_volumes(args.image), split_volumes(args.labels)
    if len(images) != len(labels):
        raise EmsegError(
            f"there are {counted(len(images), 'image')} and {counted(len(labels), 'file of labels', 'files of labels')}",
            args.labels,
            "name one for each image, with @ between them",
        )
    parts = args.sections.split("@") if args.sections else [""]
    if len(parts) not in (1, len(images)):
        raise EmsegError(
            f"there are {counted(len(images), 'image')} and {counted(len(parts), 'list of sections', 'lists of sections')}",
            args.sections,
            "give one for all, or one for each with @ between them",
        )
    parts = parts * len(images) if len(parts) == 1 else parts
    return [_teacher(args, *one) for one in zip(images, labels, parts, strict=True)]


def _teacher(args: argparse.Namespace, image: str, path: str, wanted: str) -> Teacher:
    import numpy as np

    from napari_emseg.algorithms.mask_side import masks_membranes
    from napari_emseg.core.errors import EmsegError
    from napari_emseg.core.section_list import parse_sections
    from napari_emseg.core.stack import ImageStack
    from napari_emseg.io import open_image
    from napari_emseg.io.opening import open_volume
    from napari_emseg.jobs.finetune import Teacher
    from napari_emseg.jobs.grey_values import refuse_image_as_ids

    stack = open_image(image)
    spacing, _ = voxel_size(args.pixel_size, stack.spacing_nm)
    stack = ImageStack(stack.data, spacing, stack.spacing_source, stack.name, stack.uri)
    opened = open_volume(path)
    labels = opened.array
    if tuple(labels.shape) != stack.shape:
        raise EmsegError(
            f"labels {tuple(labels.shape)} and image {stack.shape} differ in shape", path,
            "give labels of this stack, section by section",
        )  # fmt: skip
    refuse_image_as_ids(labels, path, is_labels=opened.is_labels)
    box = region_of(args.region, stack.shape, path)
    inside = box.slices[1:]
    proofread = range(box.start[0], box.stop[0])
    if wanted:
        sections = parse_sections(wanted, stack.shape[0])
    else:
        sections = tuple(z for z in proofread if np.any(labels[z][inside]))
    empty = [z for z in sections if z not in proofread or not np.any(labels[z][inside])]
    if empty or not sections:
        where = f"section {empty[0]}" if empty else "any section"
        part = " of the region" if args.region else ""
        raise EmsegError(f"there are no labels in {where}{part}", path, "choose others with --sections")

    if masks_membranes((np.asarray(labels[z])[inside] for z in sections[:_LOOKED_AT]), ignore_id=args.ignore):
        raise EmsegError(
            "this mask seems to show membranes and not cells",
            path,
            "invert it, or give object ids of the cells",
        )

    def read(z: int) -> NDArray[np.uint32]:
        ids = _ids(np.asarray(labels[z]), z, path, args.ignore)
        if args.region is None:
            return ids
        known = np.full_like(ids, _IGNORED)  # beyond its border there is tissue, and not a wall of membrane
        known[inside] = ids[inside]
        return known

    return Teacher(stack, read, sections)


def _ids(section: NDArray[Any], z: int, path: str, ignore: int | None) -> NDArray[np.uint32]:
    """Object ids of a section of a file, or a mask; pixels that supervise nothing become `_IGNORED`."""
    from napari_emseg.algorithms.relabel import in_32_bits
    from napari_emseg.core.object_ids import checked_ids

    section = checked_ids(section, f"{path}, section {z}", remedy="give labels, or a mask of 0 and 1")
    ids = in_32_bits(section)
    if ignore is not None:
        ids[section == ignore] = _IGNORED
    return ids
