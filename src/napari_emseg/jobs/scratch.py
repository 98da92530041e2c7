"""A folder beside an output for what is needed until it is written."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.leftovers import beside, clear
from napari_emseg.io.atomic import explained

if TYPE_CHECKING:
    from collections.abc import Iterator


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
