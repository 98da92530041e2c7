"""Tidy objects: smoother, thinner or thicker, without holes, without crumbs; or a smoother map.

Objects keep their ids. It is done in this order: opening, closing, erosion, dilation, holes, parts, sizes, edge.
--median and --bilateral smooth a map of probability instead, and keep its borders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import add_pixel_size, add_settings, settings_from, voxel_size
from napari_emseg.core.errors import WrongCall
from napari_emseg.core.words import counted
from napari_emseg.settings import SmoothSettings, TidySettings

if TYPE_CHECKING:
    import argparse

    from napari_emseg.commands.reporting import Quiet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """IN OUT and how."""
    parser.add_argument("source", metavar="IN", help="object ids; with --median or --bilateral a probability")
    parser.add_argument("output", metavar="OUT", help=".zarr, .h5, .tif, or a folder/ of PNG")
    add_pixel_size(parser)
    add_settings(parser, TidySettings)
    add_settings(parser, SmoothSettings)


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Do it and write."""
    from napari_emseg.io import open_array
    from napari_emseg.io.writing import check_output
    from napari_emseg.jobs.stack_file import VoxelSize
    from napari_emseg.jobs.tidy import smooth_file, tidy_file

    settings, smooth = settings_from(args, TidySettings), settings_from(args, SmoothSettings)
    wants_map = smooth.median_nm > 0 or smooth.bilateral_nm > 0
    if wants_map and settings != TidySettings():
        raise WrongCall("a map has no objects", args.source, "smooth it first, and tidy what is made of it")
    if not wants_map and settings == TidySettings():
        raise WrongCall("there is nothing to do", args.source, "say what: --opening 20, --fill-holes ...")
    check_output(args.output, args.source)
    spacing, is_known = voxel_size(args.pixel_size, open_array(args.source)[1])
    voxel = VoxelSize(spacing, is_known)
    if wants_map:
        found = smooth_file(args.source, args.output, settings=smooth, voxel=voxel, progress=progress)
        said = "smoothed"
    else:
        found = tidy_file(args.source, args.output, settings=settings, voxel=voxel, progress=progress)
        said = f"{counted(found['objects'], 'object')}"
    progress.close()
    print(f"{args.output}: {said}, {' x '.join(str(n) for n in found['shape'])}")
    for note in found["notes"]:
        print(note)
    return 0
