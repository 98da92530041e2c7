"""A file that is saved over loses all that it holds: refused where that is more than what takes its place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.words import some_of
from napari_emseg.io.paths import DataPath, parse_output

if TYPE_CHECKING:
    from pathlib import Path

HDF5 = (".h5", ".hdf", ".hdf5")
_SITES = "annotations"
_NAMED = 3  # of what would be lost; the rest is counted


def refuse_losing(path: str | os.PathLike[str], *, one_array: bool) -> None:
    """Refuse to replace an HDF5 file whose arrays would be lost.

    Parameters
    ----------
    path : str or Path
        Where something is to be saved; with ``::`` nothing is lost, and other formats hold one volume.
    one_array : bool
        Whether a file that holds one array and nothing else may be replaced: by another array, not by annotations.

    Raises
    ------
    EmsegError
        If more is there.
    """
    where = parse_output(path, HDF5)
    if where.inner or where.path.suffix.lower() not in HDF5 or not where.path.is_file():
        return
    held = _held(where.path)
    if len(held) <= int(one_array):
        return
    way = "choose another name" if one_array else f"write to {where.path}::{_SITES}, or choose another name"
    raise EmsegError(
        f"this file holds {some_of(held, _NAMED)}, and all of it would be replaced", str(where.path), way
    )  # fmt: skip


def _held(path: Path) -> list[str]:
    """Arrays of a file, and its annotations; nothing where it cannot be read."""
    from napari_emseg.io.hdf5 import open_file, volumes_in
    from napari_emseg.io.refusing import refusing

    try:
        with refusing(path), open_file(path) as file:
            arrays = volumes_in(file, DataPath(path))
            return [*sorted(arrays), *([_SITES] if f"{_SITES}/ids" in file else [])]
    except EmsegError:
        return []
