"""Labels of several files as one volume with one id space.

Regions that overlap: objects that share most of their voxels there are one, also around loops of regions. They lie where
their files or --at say; else one follows the other along z, sharing --overlap sections. Without any, ids are carried over
the seams as propagate carries them from section to section.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import add_settings, settings_from
from napari_emseg.core.errors import WrongCall
from napari_emseg.core.words import counted
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    import argparse

    from napari_emseg.commands.reporting import Quiet

_NO_SEAM = ("sections", "direction", "doubt_below")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """PART ... OUT and where."""
    parser.add_argument("sources", metavar="PART", nargs="+", help="object ids (z, y, x)")
    parser.add_argument("output", metavar="OUT", help=".zarr, .h5, .tif, or a folder/ of PNG")
    parser.add_argument(
        "--at",
        metavar="Z,Y,X",
        action="append",
        type=_voxel,
        help="voxel at which a PART begins; once for each",
    )
    parser.add_argument(
        "--overlap",
        metavar="N",
        type=int,
        default=0,
        help="sections that PARTs share which follow each other",
    )
    add_settings(parser, PropagateSettings, skip=_NO_SEAM)


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Join and write."""
    from napari_emseg.io.writing import check_output
    from napari_emseg.jobs.join import join_files

    if args.at is not None and len(args.at) != len(args.sources):
        raise WrongCall(
            f"{len(args.sources)} files and {len(args.at)} places", "--at", "give one for each file"
        )
    if args.overlap < 0:
        raise WrongCall(f"{args.overlap} sections cannot be shared", "--overlap", "give 0 or more")
    check_output(args.output, *args.sources)
    found = join_files(
        args.sources, args.output, places=args.at, overlap=args.overlap,
        settings=settings_from(args, PropagateSettings), progress=progress,
    )  # fmt: skip
    progress.close()
    n = found["objects"]
    print(f"{args.output}: {counted(n, 'object')}, {' x '.join(str(k) for k in found['shape'])}")
    for note in found["notes"]:
        print(note)
    return 0


def _voxel(text: str) -> tuple[int, int, int]:
    import argparse

    try:
        z, y, x = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no Z,Y,X in voxels") from None
    return z, y, x
