"""Calibre, contact area, volume and surface of every object, in nm, um2 and um3.

OUT.csv has one row an object, --contacts one a pair that touches, --report a folder of tables, figures, correlations and a
methods paragraph. Lengths need the voxel size: SEG says it, or --pixel-size Z,Y,X. A volume may be larger than memory.
Blank cells were not measured; they are not 0.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.commands.arguments import add_pixel_size, add_settings, settings_from, voxel_size
from napari_emseg.core.errors import EmsegError, WrongCall
from napari_emseg.core.words import counted
from napari_emseg.settings import MeasureSettings

if TYPE_CHECKING:
    from napari_emseg.commands.reporting import Quiet
    from napari_emseg.core.stack import Spacing
    from napari_emseg.measure.survey import Survey

_MOST_IDS = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SEG OUT and what else."""
    parser.add_argument("source", metavar="SEG", help="object ids (z, y, x)")
    parser.add_argument("output", metavar="OUT.csv", help="one row an object")
    parser.add_argument("--image", metavar="IN", help="the stack: adds mean and spread of the grey values")
    parser.add_argument("--contacts", metavar="OUT.csv", help="one row a pair of objects that touch")
    parser.add_argument("--report", metavar="DIR", help="a folder with figures, all tables and methods")
    parser.add_argument(
        "--objects", type=id_list, metavar="3,7,10-12", help="measure these only (default: all)"
    )
    for option, words in (
        ("--of", "objects that are the rows of the report's tables, such as axons"),
        ("--against", "objects that are the columns, such as muscle fibres"),
    ):
        parser.add_argument(option, type=id_list, metavar="1-7", default=(), help=words)
    add_pixel_size(parser)
    add_settings(parser, MeasureSettings)


def id_list(text: str) -> tuple[int, ...]:
    """Parse "3,7,10-12"."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)):
            raise argparse.ArgumentTypeError(f"{text!r} is no list of ids; write it like 3,7,10-12")
        low, high = int(first), int(last or first)
        if not 0 < low <= high or high - low > _MOST_IDS:
            raise argparse.ArgumentTypeError(f"{part.strip()!r} is no range of ids; they begin with 1")
        found |= set(range(low, high + 1))
    return tuple(sorted(found))


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Measure and write."""
    from napari_emseg.io import open_array
    from napari_emseg.jobs.measure import measure_file
    from napari_emseg.measure.report import Groups

    _check_places(args)
    settings = settings_from(args, MeasureSettings)
    if (args.contacts or args.of or args.against) and not settings.contact:
        raise WrongCall("contacts are asked for and left out at once", "--no-contact", "take one of the two")
    if (args.of or args.against) and not args.report:
        raise WrongCall("--of and --against shape a report", "", "give --report DIR too")
    _check_among(args)
    spacing = _known(*voxel_size(args.pixel_size, open_array(args.source)[1]), args.source)
    found = measure_file(
        args.source, args.output, spacing_nm=spacing, image=args.image, contacts=args.contacts, report=args.report,
        objects=args.objects, groups=Groups(args.of, args.against), settings=settings, progress=progress,
    )  # fmt: skip
    progress.close()
    z, y, x = found.spacing_nm
    print(
        f"{args.output}: {counted(len(found.objects), 'object')}, voxels of {z:g} x {y:g} x {x:g} nm (z, y, x)"
    )
    if settings.contact:
        print(
            f"{counted(len(found.contacts), 'contact')}{'' if args.contacts is None else f': {args.contacts}'}"
        )
    if found.unread:
        _say_unread(found)
    if settings.calibre:
        _say_why(Counter(row["no_calibre_because"] for row in found.objects if row["no_calibre_because"]))
    return 0


def _say_unread(found: Survey) -> None:
    if len(found.unread) == found.shape[0]:
        print("no grey values: the image cannot be read")
        return
    which = f"section{'s' * (len(found.unread) > 1)} {', '.join(map(str, found.unread))}"
    print(f"grey values without {which}: the image cannot be read there")


def _say_why(reasons: Counter[Any]) -> None:
    if reasons:
        each = "; ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
        print(f"no calibre for {reasons.total()}: {each} (column no_calibre_because)")


def _check_among(args: argparse.Namespace) -> None:
    """Objects of the report's tables are among those that are measured: contacts between others are not counted."""
    others = sorted({*args.of, *args.against} - set(args.objects)) if args.objects else []
    if others:
        raise WrongCall(f"object {others[0]} is not measured", "--of, --against", "add it to --objects")


def _known(spacing: Spacing | None, is_known: bool, source: str) -> Spacing:
    if spacing is None:
        raise EmsegError("the voxel size is unknown", source, "give it as --pixel-size Z,Y,X in nm")
    if not is_known:
        raise EmsegError("the section thickness is missing", "--pixel-size", "give it as Z,Y,X in nm")
    return spacing


def _check_places(args: argparse.Namespace) -> None:
    """Refuse outputs that cannot be written, or lie on each other or on an input, before hours of work."""
    from napari_emseg.io.writing import check_new
    from napari_emseg.jobs.measure import check_report

    outputs = [Path(path) for path in (args.output, args.contacts, args.report) if path is not None]
    for k, output in enumerate(outputs):
        check_new(output, args.source, args.image)
        if any(output.resolve() == other.resolve() for other in outputs[:k]):
            raise WrongCall("two outputs have the same name", str(output), "choose two names")
    if args.report is not None:
        folder = Path(args.report)
        check_report(folder)
        if any(folder.resolve() in output.resolve().parents for output in outputs):
            raise WrongCall("the report is a folder of its own", str(folder), "put the tables beside it")
    for name in (args.output, args.contacts):
        if name is not None and Path(name).suffix.lower() != ".csv":
            raise WrongCall("tables are written as .csv", str(name), "give this ending")
