"""Open napari with the EM dock and the given stacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.commands import COMMANDS
from napari_emseg.commands.arguments import add_pixel_size, voxel_size
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    import argparse

    from napari_emseg.commands.reporting import Quiet
    from napari_emseg.core.stack import Spacing


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
        if word in COMMANDS and not Path(word).exists():
            parser.error(f"options stand behind the command: {parser.prog} {word} ...")
        if word.isidentifier() and not Path(word).exists():
            parser.error(f"{word!r} is neither a command nor a file")


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Open the window; returns when it is closed."""
    for path in args.paths:
        if not path.startswith("sample:") and not Path(path.partition("::")[0]).exists():
            raise EmsegError("there is no such file or folder", path, "check the path")
    from napari_emseg.ui import launch

    spacing = _voxel_size(args.pixel_size, args.paths)
    progress.close()
    return launch(args.paths, spacing_nm=spacing)


def _voxel_size(given: tuple[float, ...] | None, paths: list[str]) -> Spacing | None:
    """The voxel size that was given for the stack that is opened; a project knows its own.

    Raises
    ------
    EmsegError
        If nobody says how thick sections are: the window, which asks for a voxel size that is unknown, asks for all of it.
    """
    if given is None:
        return None
    found = None
    if len(given) == 1 and paths and not Path(paths[0]).name.endswith((".emseg", ".emseg.zip")):
        from napari_emseg.io import open_image

        found = open_image(paths[0]).spacing_nm
    spacing, is_known = voxel_size(given, found)
    if not is_known:
        raise EmsegError("the section thickness is missing", "--pixel-size", "give it as Z,Y,X in nm")
    return spacing
