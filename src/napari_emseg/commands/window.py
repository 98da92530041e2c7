"""Open napari with the EM dock and the given stacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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

    progress.close()
    launch(args.paths)
    return 0
