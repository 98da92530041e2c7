"""A target that no model knows, from a handful of clicks: pixels are compared with what was clicked on.

CLICKS is a text file with one row per click: z, y, x, and 1 on the target or 0 beside it, parted by commas or blanks.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import add_device, add_pixel_size, voxel_size
from napari_emseg.core.words import counted

if TYPE_CHECKING:
    import argparse

    from napari_emseg.commands.reporting import Quiet
    from napari_emseg.jobs.few_shot import Click


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """IN OUT, clicks and the model whose features are compared."""
    parser.add_argument("source", metavar="IN", help="stack, with ::internal/path where needed")
    parser.add_argument("output", metavar="OUT", help=".zarr, .h5, .tif")
    parser.add_argument("--clicks", type=Path, required=True, metavar="FILE", help="rows of z, y, x, 1 or 0")
    parser.add_argument(
        "--model",
        default="membrane",
        metavar="NAME_OR_PATH",
        help="whose features are compared (default membrane)",
    )
    add_pixel_size(parser)
    add_device(parser)


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Compare and write."""
    from napari_emseg.core.model_card import read_card
    from napari_emseg.core.stack import ImageStack
    from napari_emseg.io import open_image, write_array
    from napari_emseg.io.grid import position_kept
    from napari_emseg.io.origin import origin
    from napari_emseg.io.writing import check_output
    from napari_emseg.jobs import few_shot

    check_output(args.output, args.source)
    stack = open_image(args.source)
    spacing, is_known = voxel_size(args.pixel_size, stack.spacing_nm)
    stack = ImageStack(stack.data, spacing, stack.spacing_source, stack.name, stack.uri, stack.offset_nm)
    clicks = read_clicks(args.clicks)
    request = few_shot.prepare(stack, clicks, range(stack.shape[0]), args.model)
    found = few_shot.run(replace(request, device=args.device), progress)
    card = read_card(request.model)
    answered_as = card.as_it_was(card.serving(spacing)).name
    written = spacing if is_known else None
    write_array(
        args.output, found, spacing_nm=written, axes="zyx",
        metadata=origin(
            "fewshot", str(args.source), clicks=len(clicks), model=card.name, model_version=card.version,
            answered_as=answered_as,
        ),
        offset_nm=position_kept(args.output, stack.offset_nm, written),
    )  # fmt: skip
    progress.close()
    print(f"{args.output}: from {counted(len(clicks), 'click')}, {' x '.join(str(n) for n in found.shape)}")
    return 0


def read_clicks(path: Path) -> list[Click]:
    """Clicks of a text file; lines that begin with # or with a word are headings.

    Raises
    ------
    EmsegError
        If a row is not four numbers.
    """
    from napari_emseg.core.errors import EmsegError
    from napari_emseg.jobs.few_shot import Click

    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EmsegError(
            "the clicks cannot be read", str(path), "give a text file of z, y, x, 1 or 0"
        ) from error
    clicks = []
    for number, line in enumerate(lines, 1):
        words = line.replace(",", " ").split()
        if not words or line.lstrip().startswith("#") or words[0].isalpha():
            continue
        try:
            z, y, x, inside = (round(float(word)) for word in words)
            if inside not in (0, 1):
                raise ValueError(inside)
        except (ValueError, OverflowError) as error:
            raise EmsegError("not a click", f"{path}, line {number}", "write z, y, x, and 1 or 0") from error
        clicks.append(Click(z, y, x, inside == 1))
    return clicks
