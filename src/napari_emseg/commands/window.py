"""Open napari with the EM dock and the given stacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import add_pixel_size, voxel_size
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    import argparse

    from napari_emseg.commands.reporting import Quiet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take paths."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="TIFF, HDF5, OME-Zarr, a folder of sections, a project, sample:phantom or sample:vnc",
    )
    add_pixel_size(parser)


def check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Tell a mistyped command from a missing file."""
    for path in args.paths:
        word = str(path)
        if word.isidentifier() and not Path(word).exists():
            parser.error(f"{word!r} is neither a command nor a file")


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Open the window; returns when it is closed."""
    for path in args.paths:
        if not path.startswith("sample:") and not Path(path.partition("::")[0]).exists():
            raise EmsegError("there is no such file or folder", path, "check the path")
    from napari_emseg.ui import launch

    spacing = voxel_size(args.pixel_size, None)[0] if args.pixel_size and len(args.pixel_size) == 3 else None
    if args.pixel_size and spacing is None:
        raise EmsegError("the section thickness is missing", "--pixel-size", "give it as Z,Y,X in nm")
    progress.close()
    return launch(args.paths, spacing_nm=spacing)
