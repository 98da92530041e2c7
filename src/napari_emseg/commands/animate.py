"""A movie of the sections of a stack, one frame each, with the objects in it.

OUT is a .gif, which needs nothing else, or an .mp4 (pip install 'napari-emseg[video]'). An object has the same
colour in all sections, for ids up to 254 the one that it has in the window. Every frame says its section and shows a
scale bar. Sections are read one after the other, so stacks may be larger than memory.
--turn shows the middles of all objects in 3D instead, turned once around.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import (
    add_pixel_size,
    add_settings,
    region,
    region_of,
    settings_from,
    voxel_size,
)
from napari_emseg.core.words import counted
from napari_emseg.settings import AnimateSettings

if TYPE_CHECKING:
    from napari_emseg.commands.reporting import Quiet

_LIMITS = AnimateSettings()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """IMAGE [LABELS] OUT and how."""
    parser.add_argument("image", metavar="IMAGE", help="stack, with ::internal/path where needed")
    parser.add_argument("labels", metavar="LABELS", nargs="?", help="object ids of the same shape")
    parser.add_argument("output", metavar="OUT", help=".gif or .mp4")
    parser.add_argument("--region", type=region, metavar="z0:z1,y0:y1,x0:x1", help="default: everything")
    parser.add_argument(
        "--contrast",
        type=percentiles,
        default=(_LIMITS.dark, _LIMITS.bright),
        metavar="LOW,HIGH",
        help="percentiles of the grey values that are black and white, the same in all sections "
        f"(default {_LIMITS.dark:g},{_LIMITS.bright:g})",
    )
    add_pixel_size(parser)
    add_settings(parser, AnimateSettings, skip=("dark", "bright"))


def percentiles(text: str) -> tuple[float, float]:
    """Parse "0.2,99.8"."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low, high = 1.0, 0.0
    if not 0 <= low < high <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} are no two percentiles; give 0.2,99.8")
    return low, high


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Make the movie."""
    from napari_emseg.io import open_image, open_volume
    from napari_emseg.io.movies import check_movie
    from napari_emseg.io.writing import check_new
    from napari_emseg.jobs.animate import animate
    from napari_emseg.jobs.grey_values import refuse_image_as_ids
    from napari_emseg.jobs.stack_file import one_channel

    args.dark, args.bright = args.contrast
    settings = settings_from(args, AnimateSettings)
    check_movie(args.output, settings.fps)
    check_new(args.output, args.image, args.labels)
    stack = open_image(args.image)
    labels = None
    if args.labels:
        opened = open_volume(args.labels)
        labels = one_channel(opened.array, args.labels)
        refuse_image_as_ids(labels, args.labels, is_labels=opened.is_labels)
    spacing, is_known = voxel_size(args.pixel_size, stack.spacing_nm)
    if settings.turn and not is_known:
        spacing = None  # no scale bar beside a depth that nobody knows
    found = animate(
        stack.data, args.output, labels=labels, region=region_of(args.region, stack.shape, args.image),
        spacing_nm=spacing, settings=settings, progress=progress,
    )  # fmt: skip
    progress.close()
    sections = counted(found.sections, "section")
    if settings.turn:
        print(
            f"{args.output}: objects from {counted(found.sections, 'side')}, {found.size[1]} x {found.size[0]} px"
        )
        if not is_known:
            print("the section thickness is unknown, so voxels are shown as cubes (--pixel-size Z,Y,X)")
        return 0
    print(f"{args.output}: {sections} of {found.size[1]} x {found.size[0]} px, {settings.fps:g} a second")
    if found.pixel_nm is None and settings.caption:
        print("the voxel size is unknown, so there is no scale bar (--pixel-size)")
    return 0
