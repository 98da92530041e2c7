"""Stack clean-up and its exact inverses. Everything is read and written section by section.

detect-bad lists suspicious sections; replace-bad takes their place from good neighbours. align and unalign move sections by a
table of shifts and back; crack and uncrack mend cracked sections and bring predictions back.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import (
    add_pixel_size,
    add_settings,
    pixel_size,
    section_list,
    settings_from,
)
from napari_emseg.core.errors import WrongCall
from napari_emseg.settings import DeflickerSettings

if TYPE_CHECKING:
    from napari_emseg.commands.reporting import Quiet

_OUT = ".zarr, .h5, .tif, or a folder/ of PNG"
STEPS = {
    "deflicker": "even out brightness and contrast between sections",
    "detect-bad": "list suspicious sections with a score and a reason, as .csv or .json",
    "replace-bad": "put good sections, or pictures between them, in the place of bad ones",
    "align": "shift sections by a table (or estimate one) and bend them if asked; nothing is cut; IN may be points (.csv)",
    "unalign": "take align back exactly; IN may be points (.csv)",
    "crack": "put the parts of cracked sections where they belong and fill the gap",
    "uncrack": "bring predictions on mended sections back to the cracked ones",
    "resample": "change the voxel size: mean over the area for images, most frequent id for labels",
    "normalize": "bring grey values to one scale",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One sub-command a step."""
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    made = {}
    for name, text in STEPS.items():
        made[name] = step = steps.add_parser(name, help=text, description=text)
        step.add_argument("source", metavar="IN", help="stack, with ::internal/path where needed")
        step.add_argument("output", metavar="OUT", help=".csv or .json" if name == "detect-bad" else _OUT)
        # also after the step's name; without a default, so that what stands before it counts
        step.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        step.add_argument(
            "--progress", choices=("auto", "bar", "json", "none"), default=argparse.SUPPRESS, help="as above"
        )
    add_settings(made["deflicker"], DeflickerSettings)
    made["detect-bad"].add_argument("--pictures", metavar="DIR", help="also write a small picture of each")
    _add_replace(made["replace-bad"])
    _add_align(made["align"], made["unalign"])
    _add_crack(made["crack"], made["uncrack"])
    _add_resample(made["resample"])
    _add_normalize(made["normalize"])


def _add_replace(step: argparse.ArgumentParser) -> None:
    which = step.add_mutually_exclusive_group()
    which.add_argument(
        "--bad",
        type=section_list,
        metavar="1,5-7",
        help="bad sections, counted from 0 (default: those that are detected)",
    )
    which.add_argument(
        "--report", metavar="FILE", help="what detect-bad has written, after looking through it"
    )
    which.add_argument("--replay", metavar="FILE", help="replacements that --table has written")
    step.add_argument(
        "--method", choices=("nearest", "flow"), default="nearest",
        help="copy the nearest good section, or interpolate between two along optical flow (default nearest)",
    )  # fmt: skip
    step.add_argument("--table", metavar="FILE", help="write here (JSON) what was replaced by what")
    _add_kind(step)


def _add_align(align: argparse.ArgumentParser, unalign: argparse.ArgumentParser) -> None:
    table = align.add_mutually_exclusive_group(required=True)
    table.add_argument("--table", metavar="FILE", help="one row 'dy dx' in pixels a section")
    table.add_argument("--estimate", metavar="FILE", help="estimate the shifts and write the table here")
    unalign.add_argument("--table", metavar="FILE", required=True, help="the table it was aligned with")
    for step in (align, unalign):
        step.add_argument("--cumulative", action="store_true", help="rows are increments, to be added up")
        step.add_argument(
            "--margin", type=int, default=0, metavar="PX", help="empty pixels around all sections"
        )
        _add_kind(step)
        step.add_argument(
            "--elastic", metavar="FILE.npz",
            help="with --estimate: also estimate smooth displacements of every section and write them here; with --table:"
            " apply those that this file holds" if step is align else "the displacements that align --elastic has written",
        )  # fmt: skip
        add_pixel_size(step)
    align.add_argument(
        "--most", type=float, metavar="PX", help="--estimate: largest shift between neighbours"
    )
    align.add_argument(
        "--bad", type=section_list, metavar="1,5-7", help="--estimate: sections that are not compared"
    )


def _add_crack(crack: argparse.ArgumentParser, uncrack: argparse.ArgumentParser) -> None:
    crack.add_argument(
        "--sections", type=section_list, metavar="1,5-7", help="cracked sections (default: look at all)"
    )
    crack.add_argument(
        "--table", metavar="FILE",
        help="record for uncrack (JSON); default OUT.cracks.json. With --labels it is read instead",
    )  # fmt: skip
    uncrack.add_argument("--table", metavar="FILE", required=True, help="the record that crack has written")
    for step in (crack, uncrack):
        _add_kind(step)


def _add_kind(step: argparse.ArgumentParser) -> None:
    kind = step.add_mutually_exclusive_group()
    kind.add_argument("--labels", action="store_true", default=None, help="IN holds ids, which are not mixed")
    kind.add_argument(
        "--image",
        dest="labels",
        action="store_false",
        default=None,
        help="IN holds grey values that look like ids",
    )


def _add_resample(step: argparse.ArgumentParser) -> None:
    size = step.add_mutually_exclusive_group(required=True)
    size.add_argument("--to", type=pixel_size, metavar="NM", help="new pixel size, or voxel size as Z,Y,X")
    size.add_argument("--factor", type=pixel_size, metavar="N", help="new size divided by old: 2, or 1,2,2")
    _add_kind(step)
    add_pixel_size(step)


def _add_normalize(step: argparse.ArgumentParser) -> None:
    step.add_argument(
        "--kind", choices=("section", "fixed", "range", "window", "clahe", "model"), default="section",
        help="section: mean 0, deviation 1 in each; fixed: --mean and --std; range: 0 to 1; window: stretch the contrast;"
        " clahe: equalise it locally; model: as --model was trained",
    )  # fmt: skip
    step.add_argument(
        "--mean", type=float, default=0.0, metavar="GREY", help="--kind fixed: becomes 0 (default 0)"
    )
    step.add_argument(
        "--std", type=float, default=1.0, metavar="GREY", help="--kind fixed: becomes 1 (default 1)"
    )
    step.add_argument("--low", type=float, metavar="GREY", help="--kind window: what becomes black")
    step.add_argument("--high", type=float, metavar="GREY", help="--kind window: what becomes white")
    step.add_argument("--clip", type=float, default=2.0, help="--kind clahe: clip limit (default 2)")
    step.add_argument("--tiles", type=int, default=8, help="--kind clahe: tiles along each axis (default 8)")
    step.add_argument(
        "--model", metavar="NAME_OR_PATH", default="membrane", help="--kind model (default membrane)"
    )


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Do one step."""
    from napari_emseg.jobs import clean_files, warp_files

    if args.step == "deflicker":
        settings = settings_from(args, DeflickerSettings)
        said = clean_files.deflicker_file(args.source, args.output, settings, progress)
    elif args.step == "normalize":
        said = _normalize(args, progress)
    elif args.step == "detect-bad":
        said = clean_files.detect_file(args.source, args.output, args.pictures, progress)
    elif args.step == "replace-bad":
        said = clean_files.replace_file(
            args.source, args.output, bad=args.bad, report=args.report, replay=args.replay, method=args.method,
            table=args.table, labels=args.labels, progress=progress,
        )  # fmt: skip
    elif args.step == "resample":
        said = clean_files.resample_file(
            args.source, args.output, to=args.to, factor=args.factor, given=args.pixel_size, labels=args.labels,
            progress=progress,
        )  # fmt: skip
    elif args.step == "align":
        said = warp_files.align_file(
            args.source, args.output, table=args.table, estimate=args.estimate, elastic=args.elastic,
            cumulative=args.cumulative, margin=args.margin, labels=args.labels, most_px=args.most, bad=args.bad,
            given=args.pixel_size, progress=progress,
        )  # fmt: skip
    elif args.step == "unalign":
        said = warp_files.unalign_file(
            args.source, args.output, table=args.table, elastic=args.elastic, cumulative=args.cumulative,
            margin=args.margin, labels=args.labels, given=args.pixel_size, progress=progress,
        )  # fmt: skip
    elif args.step == "crack":
        said = warp_files.crack_file(
            args.source,
            args.output,
            sections=args.sections,
            table=args.table,
            labels=args.labels,
            progress=progress,
        )
    else:
        said = warp_files.uncrack_file(
            args.source, args.output, table=args.table, labels=args.labels, progress=progress
        )
    progress.close()
    print("\n".join(said))
    return 0


def _normalize(args: argparse.Namespace, progress: Quiet) -> list[str]:
    from napari_emseg.jobs.clean_files import normalize_file
    from napari_emseg.preprocess import contrast

    if args.kind == "clahe":
        if args.tiles < 1 or not args.clip > 0:
            raise WrongCall(
                f"--tiles {args.tiles} --clip {args.clip:g} is out of bounds", "", "give numbers above 0"
            )
        return normalize_file(
            args.source, args.output, lambda s: contrast.clahe(s, clip=args.clip, tiles=args.tiles), progress,
            {"kind": "clahe", "clip": args.clip, "tiles": args.tiles},
        )  # fmt: skip
    if args.kind == "window":
        if (args.low is None) != (args.high is None):
            raise WrongCall("a contrast window has two ends", "--low and --high", "give both, or neither")

        def stretched(section):  # type: ignore[no-untyped-def]  # an array in, an array out
            low, high = (args.low, args.high) if args.low is not None else contrast.window_of(section)
            return contrast.window(section, low, high)

        note = {"kind": "window", "low": args.low, "high": args.high}
        return normalize_file(args.source, args.output, stretched, progress, note)
    if args.kind == "model":
        from napari_emseg.core.model_card import find_model, read_card

        chosen = contrast.Normalisation.of_card(read_card(find_model(args.model)))
    elif args.kind == "fixed":
        if not args.std > 0:
            raise WrongCall(f"--std {args.std:g} is out of bounds", "", "give a number above 0")
        chosen = contrast.Normalisation(kind="fixed", mean=args.mean, std=args.std)
    else:
        chosen = contrast.Normalisation(kind=args.kind)
    return normalize_file(args.source, args.output, chosen, progress, {"normalisation": chosen.text})
