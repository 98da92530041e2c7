"""Regions of interest: check tables of them, cut them out, add margins.

roi check TABLE               find typing errors; --fix OUT.csv writes the corrected table
roi cut IN OUT                a window (--region, --centre), or one box per section (--table, --mip)
roi boxes LABELS OUT.csv      a box around what is labelled in each section (--margin)
roi pad IN OUT                mirrored margins (--by Z,Y,X); --remove takes them off again
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.commands.arguments import add_pixel_size, region, region_of, voxel_size
from napari_emseg.core.errors import EmsegError, WrongCall
from napari_emseg.core.words import counted

if TYPE_CHECKING:
    from napari_emseg.commands.reporting import Quiet
    from napari_emseg.io.opened import Offset, Opened


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ACTION SOURCE [OUT] and how."""
    parser.add_argument("action", choices=("check", "cut", "boxes", "pad"))
    parser.add_argument("source", metavar="IN")
    parser.add_argument("output", metavar="OUT", nargs="?")
    parser.add_argument("--table", type=Path, metavar="FILE", help="cut: rows like 0-80: x0-x1, y0-y1")
    parser.add_argument(
        "--mip", type=int, default=0, metavar="N", help="cut: how often IN was halved in y and x"
    )
    parser.add_argument("--first", type=int, default=0, metavar="Z", help="cut: number of IN's first section")
    parser.add_argument("--region", type=region, metavar="z0:z1,y0:y1,x0:x1", help="cut: this window")
    parser.add_argument("--centre", type=_sizes, metavar="Z,Y,X", help="cut: the middle part of this size")
    parser.add_argument(
        "--margin", type=int, default=10, metavar="PX", help="boxes: around the labels (default 10)"
    )
    parser.add_argument("--by", type=_sizes, metavar="Z,Y,X", help="pad: voxels on each side")
    parser.add_argument("--remove", action="store_true", help="pad: take the margins off")
    parser.add_argument("--fix", type=Path, metavar="OUT.csv", help="check: write the corrected table")
    parser.add_argument("--sections", type=int, metavar="N", help="check: how many sections there are")
    parser.add_argument("--unequal", action="store_true", help="check: boxes may differ in size")
    add_pixel_size(parser)


def _sizes(text: str) -> tuple[int, int, int]:
    try:
        z, y, x = (int(v) for v in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} are no three numbers; write Z,Y,X") from error
    if min(z, y, x) < 0:
        raise argparse.ArgumentTypeError(f"{text!r}: numbers cannot be negative")
    return z, y, x


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Do what was asked."""
    if args.action == "check":
        return _check(args)
    if not args.output:
        raise WrongCall("there is no output", args.action, "name it behind the input")
    if args.action == "boxes":
        return _boxes(args, progress)
    return _cut(args, progress) if args.action == "cut" else _pad(args, progress)


def _check(args: argparse.Namespace) -> int:
    from napari_emseg.io.atomic import write_text
    from napari_emseg.io.roi_table import check_roi_table, mended, read_roi_table, roi_text
    from napari_emseg.io.writing import check_new

    if args.fix is not None:
        check_new(args.fix, args.source)
    table = read_roi_table(Path(args.source))
    problems = check_roi_table(table, n_sections=args.sections, equal=not args.unequal)
    for problem in problems:
        print(problem)
    if not problems:
        height, width = table.rows[0].size
        print(
            f"{args.source}: {counted(len(table.rows), 'row')}, all well; boxes of {width} x {height} pixels (x, y)"
        )
        return 0
    if args.fix is None:
        raise EmsegError(
            f"the table has {counted(len(problems), 'fault')}",
            args.source,
            "correct it, or let --fix OUT.csv do that",
        )
    right = mended(table, problems)
    left = check_roi_table(right, n_sections=args.sections, equal=not args.unequal)
    if left:
        raise EmsegError(f"this cannot be mended by itself: {left[0]}", args.source, "correct it by hand")
    write_text(args.fix, roi_text(right))
    print(f"{args.fix}: corrected")
    return 0


def _open(args: argparse.Namespace) -> Opened:
    from napari_emseg.io.writing import check_output

    check_output(args.output, args.source)
    return _one_volume(args.source)


def _one_volume(source: str) -> Opened:
    from napari_emseg.io.opening import open_volume

    opened = open_volume(source)
    if len(opened.array.shape) != 3:
        raise EmsegError("it has channels", source, "name one of them, as ::#0")
    return opened


def _write(
    args: argparse.Namespace, opened: Opened, array: Any, moved: tuple[int, ...] | None, progress: Quiet
) -> None:
    """Write a part, `moved` voxels away from the corner of the whole (None: it lies at no one place)."""
    from napari_emseg.io.origin import origin
    from napari_emseg.io.writing import write_array

    spacing, is_known = voxel_size(args.pixel_size, opened.spacing_nm)
    offset: Offset | None = None
    if moved is not None and spacing is not None and is_known:
        z, y, x = (
            o + m * s for o, m, s in zip(opened.offset_nm or (0.0, 0.0, 0.0), moved, spacing, strict=True)
        )
        offset = (z, y, x)
    write_array(
        args.output, array, spacing_nm=spacing if is_known else None, offset_nm=offset,
        is_labels=opened.holds_ids, metadata=origin("roi", str(args.source)), progress=progress,
    )  # fmt: skip
    progress.close()
    print(f"{args.output}: {' x '.join(map(str, array.shape))} voxels")


def _cut(args: argparse.Namespace, progress: Quiet) -> int:
    from napari_emseg.core.edit import Region
    from napari_emseg.io.roi_table import read_roi_table
    from napari_emseg.io.views import MovingBox, Window, centred

    chosen = [name for name in ("table", "region", "centre") if getattr(args, name) is not None]
    if len(chosen) != 1:
        raise WrongCall("it is not clear what to cut out", "", "give one of --table, --region, --centre")
    opened = _open(args)
    shape = tuple(int(n) for n in opened.array.shape)
    if args.table is not None:
        rows = read_roi_table(args.table).rows
        boxes = [
            (z - args.first, tuple(v >> args.mip for v in (r.y0, r.y1, r.x0, r.x1)))
            for r in rows
            for z in range(r.first, r.last + 1)
        ]
        _write(args, opened, MovingBox(opened.array, boxes), None, progress)
        return 0
    if args.centre is not None:
        parts = centred(shape, args.centre)
        spans = tuple((p.start, p.stop) for p in parts)
    else:
        spans = args.region
    window: Region = region_of(spans, (shape[0], shape[1], shape[2]), args.source)
    _write(args, opened, Window(opened.array, window), window.start, progress)
    return 0


def _boxes(args: argparse.Namespace, progress: Quiet) -> int:
    import numpy as np

    from napari_emseg.algorithms.boxes import section_box
    from napari_emseg.io.atomic import write_text
    from napari_emseg.io.roi_table import RoiRow, RoiTable, roi_text
    from napari_emseg.io.writing import check_new

    if args.margin < 0:
        raise WrongCall("a margin cannot be negative", "--margin", "give 0 or more pixels")
    check_new(args.output, args.source)
    labels = _one_volume(args.source).array
    rows = []
    for z in range(labels.shape[0]):
        box = section_box(np.asarray(labels[z]), args.margin)
        if box is not None:
            y0, y1, x0, x1 = box
            rows.append(RoiRow(z + args.first, z + args.first, x0, x1, y0, y1))
        progress.report((z + 1) / labels.shape[0], "boxes")
    progress.close()
    if not rows:
        raise EmsegError("nothing is labelled in any section", args.source, "give labels")
    write_text(args.output, roi_text(RoiTable(tuple(rows))))
    empty = labels.shape[0] - len(rows)
    left_out = f", {counted(empty, 'section')} without labels left out" if empty else ""
    print(f"{args.output}: {counted(len(rows), 'box', 'boxes')}{left_out}")
    return 0


def _pad(args: argparse.Namespace, progress: Quiet) -> int:
    from napari_emseg.core.edit import Region
    from napari_emseg.io.views import Margins, Window

    if args.by is None:
        raise WrongCall("it is not said by how much", "--by", "give --by Z,Y,X")
    opened = _open(args)
    if not args.remove:
        padded = Margins(opened.array, args.by, args.by)
        _write(args, opened, padded, tuple(-b for b in args.by), progress)
        return 0
    stop = tuple(n - b for n, b in zip(opened.array.shape, args.by, strict=True))
    if any(b >= s for b, s in zip(args.by, stop, strict=True)):
        raise EmsegError(
            f"margins of {args.by} leave nothing", args.source, f"it has {tuple(opened.array.shape)}"
        )
    inner = Region(args.by, (int(stop[0]), int(stop[1]), int(stop[2])))
    _write(args, opened, Window(opened.array, inner), args.by, progress)
    return 0
