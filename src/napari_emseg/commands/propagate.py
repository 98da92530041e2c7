"""Per-section labels to consistent ids through the stack.

Ids of SEG2D may mean nothing between sections. --anchors names labels that are true: every section with an
id in it keeps its ids. --image tells how objects look inside. --links writes every link with its cost, its
runner-up and its confidence.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import add_pixel_size, add_settings, settings_from, voxel_size
from napari_emseg.core.errors import WrongCall
from napari_emseg.core.words import counted
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    import argparse

    from napari_emseg.commands.reporting import Quiet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SEG2D OUT and how."""
    parser.add_argument("source", metavar="SEG2D", help="labels (z, y, x)")
    parser.add_argument("output", metavar="OUT", help=".zarr, .h5, .tif, or a folder/ of PNG")
    parser.add_argument(
        "--anchors", metavar="FILE", help="labels of SEG2D's shape, 0 in sections without anchor"
    )
    parser.add_argument(
        "--image",
        metavar="FILE",
        help="the stack that was segmented: how objects look inside then counts as well",
    )
    parser.add_argument("--links", metavar="OUT.csv", help="write every link")
    parser.add_argument("--graph", metavar="OUT", help="write the branches of all objects: .swc or .graphml")
    add_pixel_size(parser)
    add_settings(parser, PropagateSettings, skip=("sections", "direction"))


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Propagate and write."""
    from napari_emseg.io import open_array
    from napari_emseg.io.writing import check_new, check_output
    from napari_emseg.jobs.propagate_file import propagate_file
    from napari_emseg.jobs.stack_file import VoxelSize

    check_output(args.output, args.source, args.anchors, args.image)
    written = [args.output]
    for other in (args.links, args.graph):
        if other is None:
            continue
        check_new(other, args.source, args.anchors, args.image)
        if Path(other).resolve() in [Path(place).resolve() for place in written]:
            raise WrongCall("two results would be written to one file", other, "give each a name of its own")
        written.append(other)
    if args.graph is not None and Path(args.graph).suffix not in (".swc", ".graphml"):
        raise WrongCall("branches are written as .swc or .graphml", args.graph, "give one of these endings")
    settings = settings_from(args, PropagateSettings)
    spacing, is_known = voxel_size(args.pixel_size, open_array(args.source)[1])
    found = propagate_file(
        args.source, args.output, image=args.image, anchors=args.anchors, links=args.links, graph=args.graph, settings=settings,
        voxel=VoxelSize(spacing, is_known), progress=progress,
    )  # fmt: skip
    progress.close()
    numbers = f"{counted(found['objects'], 'object')}, {counted(found['links'], 'link')}"
    print(f"{args.output}: {numbers}, {found['doubtful']} doubtful")
    for note in found["notes"]:
        print(note)
    return 0
