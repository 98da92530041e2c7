"""Exchange labels with VAST: images whose colours are ids, and the segment table with names and classes.

vast export LABELS OUT.vast   images and segments.txt, as VAST imports them
vast import DIR OUT           ids from images; the segment table is copied beside OUT
vast keep LABELS OUT          only objects of a class (--class, --table); all others become 0
vast drop LABELS OUT          all objects but those of a class
vast show TABLE               names, tree and faults of a segment table
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import add_pixel_size, voxel_size
from napari_emseg.core.errors import EmsegError, WrongCall
from napari_emseg.core.words import counted

if TYPE_CHECKING:
    from napari_emseg.commands.reporting import Quiet
    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.vast_table import VastTable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ACTION SOURCE [OUT] and how."""
    parser.add_argument("action", choices=("export", "import", "keep", "drop", "show"))
    parser.add_argument(
        "source", metavar="SOURCE", help="labels, a folder of VAST's images, or a segment table"
    )
    parser.add_argument(
        "output", metavar="OUT", nargs="?", help="NAME.vast to export, else .zarr, .h5, .tif ..."
    )
    parser.add_argument("--table", type=Path, metavar="FILE", help="VAST segment table, or lines of id,class")
    parser.add_argument("--class", dest="class_name", metavar="NAME", help="keep, drop: branch of the tree")
    parser.add_argument(
        "--pattern", metavar="P", help="export: names, as seg_s%%03d.png or %%04d_tr%%d-tc%%d.png"
    )
    parser.add_argument("--tile", type=int, default=0, metavar="PX", help="export: cut sections into tiles")
    parser.add_argument(
        "--offset", type=_voxel, default=(0, 0, 0), metavar="Z,Y,X",
        help="export: voxel of the full resolution at which the labels begin",
    )  # fmt: skip
    parser.add_argument(
        "--mip", type=int, default=0, metavar="N", help="export: how often the labels were halved in y and x"
    )
    add_pixel_size(parser)


def _voxel(text: str) -> tuple[int, int, int]:
    try:
        z, y, x = (int(v) for v in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no voxel; write Z,Y,X") from error
    return z, y, x


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Do what was asked."""
    if args.action == "show":
        return _show(Path(args.source))
    if not args.output:
        raise WrongCall("there is no output", args.action, "name it behind the source")
    {"export": _export, "import": _import, "keep": _choose, "drop": _choose}[args.action](args, progress)
    return 0


def _show(path: Path) -> int:
    from napari_emseg.io.vast_table import read_vast_table

    table = read_vast_table(path)
    for segment in table.segments:
        if segment.id:
            print(f"{segment.id:>8}  {' / '.join(table.path_of(segment.id))}")
    for problem in table.problems():
        print(f"fault: {problem}")
    return 0


def _table(path: Path | None) -> VastTable | None:
    from napari_emseg.io.vast_table import read_vast_table

    return None if path is None else read_vast_table(path)


def _spacing(args: argparse.Namespace, found: Spacing | None) -> Spacing | None:
    spacing, is_known = voxel_size(args.pixel_size, found)
    return spacing if is_known else None


def _export(args: argparse.Namespace, progress: Quiet) -> None:
    from napari_emseg.io.atomic import atomic_output
    from napari_emseg.io.opening import open_volume
    from napari_emseg.io.source import Source
    from napari_emseg.io.vast import VastStack
    from napari_emseg.io.vast_writing import VastExport, write_vast
    from napari_emseg.jobs.grey_values import refuse_image_as_ids

    opened = open_volume(args.source)
    if len(opened.array.shape) != 3:
        raise EmsegError("VAST knows no channels", args.source, "give labels (z, y, x)")
    refuse_image_as_ids(opened.array, args.source, is_labels=opened.is_labels)
    table = _table(args.table)
    if table is None and isinstance(opened.array, VastStack):
        table = opened.array.table
    default = "%04d_tr%d-tc%d.png" if args.tile else "seg_s%03d.png"
    export = VastExport(args.pattern or default, args.tile, args.offset, args.mip, table)
    with atomic_output(Path(args.output)) as place:
        source = Source(opened.array, place.parent, is_labels=True, progress=progress)
        made = write_vast(place, source, _spacing(args, opened.spacing_nm), export, opened.offset_nm)
    progress.close()
    print(
        f"{args.output}: {counted(opened.array.shape[0], 'section')}, {counted(len(made.segments) - 1, 'segment')}"
    )


def _import(args: argparse.Namespace, progress: Quiet) -> None:
    from napari_emseg.io.opening import open_volume
    from napari_emseg.io.origin import origin
    from napari_emseg.io.paths import parse_output
    from napari_emseg.io.vast import INNER, VastStack
    from napari_emseg.io.vast_table import write_vast_table
    from napari_emseg.io.writing import WRITERS, check_output, write_array

    check_output(args.output, args.source)
    source = args.source if args.source.endswith(f"::{INNER}") else f"{args.source}::{INNER}"
    opened = open_volume(source)
    table = _table(args.table) or (opened.array.table if isinstance(opened.array, VastStack) else None)
    write_array(
        args.output, opened.array, spacing_nm=_spacing(args, opened.spacing_nm), offset_nm=opened.offset_nm,
        is_labels=True, metadata=origin("vast import", str(args.source)), progress=progress,
    )  # fmt: skip
    progress.close()
    print(f"{args.output}: {' x '.join(map(str, opened.array.shape))} voxels")
    for note in getattr(opened.array, "notes", ()):
        print(note)
    if table is not None:
        beside = parse_output(args.output, WRITERS).path.with_suffix(".segments.txt")
        write_vast_table(beside, table)
        print(f"{beside}: {counted(sum(s.id > 0 for s in table.segments), 'segment')}")


def _choose(args: argparse.Namespace, progress: Quiet) -> None:
    from napari_emseg.io.classes import KeptLabels, ids_of_class
    from napari_emseg.io.opening import open_volume
    from napari_emseg.io.origin import origin
    from napari_emseg.io.vast import VastStack
    from napari_emseg.io.writing import check_output, write_array

    check_output(args.output, args.source)
    opened = open_volume(args.source)
    if not args.class_name:
        raise WrongCall("no class was named", args.action, "add --class NAME")
    if len(opened.array.shape) != 3 or opened.array.dtype.kind not in "ui":
        raise EmsegError("these are no labels", args.source, "give object ids (z, y, x)")
    if args.table is not None:
        ids = ids_of_class(args.table, args.class_name)
    elif isinstance(opened.array, VastStack) and opened.array.table is not None:
        ids = opened.array.table.ids_below(args.class_name)
    else:
        raise EmsegError("no table says which object is of which class", args.source, "add --table FILE")
    kept = KeptLabels(opened.array, ids, keep=args.action == "keep")
    write_array(
        args.output, kept, spacing_nm=_spacing(args, opened.spacing_nm), offset_nm=opened.offset_nm,
        is_labels=True, progress=progress,
        metadata=origin(f"vast {args.action}", str(args.source), of_class=args.class_name),
    )  # fmt: skip
    progress.close()
    word = "kept" if args.action == "keep" else "left out"
    print(f"{args.output}: {counted(len(ids), 'object')} of class {args.class_name} {word}")
