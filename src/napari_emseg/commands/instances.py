"""Probability of separate things, such as mitochondria, clefts or synapses, to objects.

The probability is smoothed and cut, unlikely areas and parts are dropped (and counted), and what is left is
divided at its necks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import add_pixel_size, add_settings, settings_from, voxel_size
from napari_emseg.core.words import counted
from napari_emseg.settings import InstanceSettings

if TYPE_CHECKING:
    import argparse

    from napari_emseg.commands.reporting import Quiet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """PROB OUT and how."""
    parser.add_argument("source", metavar="PROB", help="probability in [0, 1], or uint8 0-255")
    parser.add_argument("output", metavar="OUT", help=".zarr, .h5, .tif, or a folder/ of PNG")
    add_pixel_size(parser)
    add_settings(parser, InstanceSettings)


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Divide and write."""
    from napari_emseg.io import open_array
    from napari_emseg.io.writing import check_output
    from napari_emseg.jobs.instances import instances_file
    from napari_emseg.jobs.stack_file import VoxelSize

    check_output(args.output, args.source)
    settings = settings_from(args, InstanceSettings)
    spacing, is_known = voxel_size(args.pixel_size, open_array(args.source)[1])
    found = instances_file(
        args.source, args.output, settings=settings, voxel=VoxelSize(spacing, is_known),
        progress=progress,
    )  # fmt: skip
    progress.close()
    print(f"{args.output}: {counted(found['things'], 'thing')}, {' x '.join(str(n) for n in found['shape'])}")
    for note in found["notes"]:
        print(note)
    return 0
