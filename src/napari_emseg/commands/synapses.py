"""Who synapses onto whom: synapses from their maps, the cells on their two sides, and the direction.

SEG holds the cells. --clefts (a probability, a mask or ids) says where synapses are, --sides which side is which:
pre and post as two channels, as `predict --targets pre,post` writes them, or a signed map (1 pre, -1 post). One of the two
is needed. Without --sides the direction is told from --image or from the shape of the contacts where these are clear;
other pairs are said to have no direction. OUT.hdf holds sites and partners as in CREMI, for `evaluate partners`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import add_pixel_size, add_settings, settings_from, voxel_size
from napari_emseg.core.errors import EmsegError, WrongCall
from napari_emseg.core.words import counted
from napari_emseg.settings import SynapseSettings

if TYPE_CHECKING:
    import argparse

    from napari_emseg.commands.reporting import Quiet

_ENDINGS = (".hdf", ".h5", ".hdf5")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SEG OUT and what synapses are found from."""
    parser.add_argument("source", metavar="SEG", help="ids of cells (z, y, x); 0 is nobody")
    parser.add_argument("output", metavar="OUT.hdf", help="sites and partners, as in CREMI")
    parser.add_argument(
        "--clefts", metavar="FILE", help="probability of clefts (uint8: 0-255), a mask, or their ids"
    )
    parser.add_argument(
        "--sides",
        metavar="FILE",
        help="channels pre, post (and either); or one signed map; or labels 2n-1 and 2n",
    )
    parser.add_argument(
        "--image", metavar="FILE", help="the stack: helps with the direction where there are no sides"
    )
    parser.add_argument("--table", metavar="OUT.csv", help="one row a pair: ids, places in nm, confidence")
    parser.add_argument(
        "--labels", metavar="OUT", help="synapse n as n, or with --sides as 2n-1 (pre) and 2n (post)"
    )
    add_pixel_size(parser)
    add_settings(parser, SynapseSettings)


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Find and write."""
    from napari_emseg.io import open_array
    from napari_emseg.jobs.synapses import synapses_file

    settings = settings_from(args, SynapseSettings)
    _check_places(args)
    spacing, is_known = voxel_size(args.pixel_size, open_array(args.source)[1])
    if spacing is None:
        raise EmsegError("the voxel size is unknown", args.source, "give it as --pixel-size Z,Y,X in nm")
    if not is_known:
        raise EmsegError("the section thickness is missing", "--pixel-size", "give it as Z,Y,X in nm")
    found = synapses_file(
        args.source, args.output, spacing_nm=spacing, clefts=args.clefts, sides=args.sides, image=args.image,
        table=args.table, labels=args.labels, settings=settings, progress=progress,
    )  # fmt: skip
    progress.close()
    pairs = counted(found["pairs"], "pair of cells", "pairs of cells")
    print(f"{args.output}: {counted(found['synapses'], 'synapse')}, {pairs}")
    if found["undirected"]:
        print(f"pairs without a direction, no partners in the file: {found['undirected']}")
    for reason, n in sorted(found["without_pair"].items()):
        print(f"no pair at {n}: {reason}")
    if found["unsure"]:
        print(f"candidates less sure than {settings.confidence:g}, left out: {found['unsure']}")
    if found["too_small"]:
        print(f"parts smaller than the smallest synapse, dropped: {found['too_small']}")
    return 0


def _check_places(args: argparse.Namespace) -> None:
    from napari_emseg.io.paths import parse_path
    from napari_emseg.io.writing import check_new, check_output

    if args.clefts is None and args.sides is None:
        raise WrongCall("there is nothing to find synapses from", "", "give --clefts, --sides or both")
    if Path(args.output).suffix.lower() not in _ENDINGS:
        raise WrongCall("sites and partners are written as .hdf or .h5", args.output, "give this ending")
    if args.table is not None and Path(args.table).suffix.lower() != ".csv":
        raise WrongCall("tables are written as .csv", args.table, "give this ending")
    sources = (args.source, args.clefts, args.sides, args.image)
    check_new(args.output, *sources)
    if args.table is not None:
        check_new(args.table, *sources)
    if args.labels is not None:
        check_output(args.labels, *sources)
    outputs = [parse_path(p).path.resolve() for p in (args.output, args.table, args.labels) if p is not None]
    if len(set(outputs)) < len(outputs):
        raise WrongCall("two outputs have the same name", args.output, "choose two names")
