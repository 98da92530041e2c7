"""A folder beside an output for what is needed until it is written."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.leftovers import beside, clear
from napari_emseg.io.atomic import explained

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """A new folder on the disk for temporary files; gone afterwards, and what killed processes have left of its name, too.

    Raises
    ------
    EmsegError
        If the place cannot be written.
    """
    path = Path(tempfile.gettempdir()) / name
    clear(path)
    folder = beside(path, "blocks")
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise explained(error, path) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def scratch_folder(output: str | Path) -> Iterator[Path]:
    """A new folder on the disk of an output; gone afterwards, whatever happens.

    Raises
    ------
    EmsegError
        If the place cannot be written or the disk is full.
    """
    from napari_emseg.io.paths import parse_output
    from napari_emseg.io.writing import WRITERS

    path = Path(parse_output(output, WRITERS).path).absolute()
    clear(path)
    folder = beside(path, "blocks")
    try:
        folder.mkdir(parents=True)
        yield folder
    except EmsegError:
        raise
    except OSError as error:
        raise explained(error, path) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
