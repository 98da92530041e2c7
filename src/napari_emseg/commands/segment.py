"""Membrane probability to a label volume: seeds from the distance to membranes, then watershed.

--dims 2 segments every section by itself (ids mean nothing between sections: propagate carries them),
--dims 3 goes through sections: pieces of cells are joined by what all borders of the volume say. Both work block by
block, also on volumes larger than memory, and what they give does not depend on the blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import add_pixel_size, add_settings, settings_from, voxel_size
from napari_emseg.core.errors import WrongCall
from napari_emseg.core.words import counted
from napari_emseg.settings import SeedSettings, SegmentSettings

if TYPE_CHECKING:
    import argparse

    from napari_emseg.commands.reporting import Quiet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """PROB OUT and how."""
    parser.add_argument("source", metavar="PROB", help="probability in [0, 1], or uint8 0-255")
    parser.add_argument("output", metavar="OUT", help=".zarr, .h5, .tif, or a folder/ of PNG")
    add_pixel_size(parser)
    add_settings(parser, SeedSettings)
    add_settings(parser, SegmentSettings)
    parser.add_argument(
        "--block",
        metavar="Z,Y,X",
        type=_block,
        help="with --dims 3: voxels of a block; smaller needs less memory",
    )
    parser.add_argument("--mask", metavar="FILE", help="segment only where this volume is not 0")
    parser.add_argument(
        "--seeds",
        metavar="FILE",
        help="grow these seeds instead of placing any; they keep their ids: points (.csv with z,y,x in voxels and, if "
        "wanted, id), skeletons, or a volume of ids",
    )
    parser.add_argument(
        "--unseeded",
        choices=("neighbour", "empty", "segment"),
        help="with --seeds: cells without a seed go to a neighbour (default), stay empty, or become segments of their own",
    )


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Segment and write."""
    from napari_emseg.io import open_array
    from napari_emseg.io.writing import check_output
    from napari_emseg.jobs.segment_file import segment_file
    from napari_emseg.jobs.stack_file import VoxelSize

    check_output(args.output, args.source, args.mask, args.seeds)
    if args.unseeded and not args.seeds:
        raise WrongCall(
            f"--unseeded {args.unseeded} speaks of seeds", "", "give them with --seeds, or leave it out"
        )
    seeds, settings = settings_from(args, SeedSettings), settings_from(args, SegmentSettings)
    spacing, is_known = voxel_size(args.pixel_size, open_array(args.source)[1])
    found = segment_file(
        args.source, args.output, seeds=seeds, settings=settings, voxel=VoxelSize(spacing, is_known), block=args.block,
        mask=args.mask, given=args.seeds, unseeded=args.unseeded or "neighbour", progress=progress,
    )  # fmt: skip
    progress.close()
    print(
        f"{args.output}: {counted(found['segments'], 'segment')}, {' x '.join(str(n) for n in found['shape'])}"
    )
    for note in found["notes"]:
        print(note)
    return 0


def _block(text: str) -> tuple[int, int, int]:
    import argparse

    try:
        z, y, x = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no Z,Y,X in voxels") from None
    if min(z, y, x) < 1:
        raise argparse.ArgumentTypeError("a block has at least one voxel on every axis")
    return z, y, x
