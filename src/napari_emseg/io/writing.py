"""Writing: the suffix decides the format, and outputs appear by atomic rename."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.atomic import atomic_output
from napari_emseg.io.lookup import load_function
from napari_emseg.io.units import required_spacing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

WRITERS: dict[str, str] = {
    ".zarr": "napari_emseg.io.omezarr:write_zarr",
    ".h5": "napari_emseg.io.hdf5:write_hdf5",
    ".hdf": "napari_emseg.io.hdf5:write_hdf5",
    ".hdf5": "napari_emseg.io.hdf5:write_hdf5",
    ".tif": "napari_emseg.io.tiff_writing:write_tiff",
    ".tiff": "napari_emseg.io.tiff_writing:write_tiff",
    "/": "napari_emseg.io.sections_folder:write_sections",
}
"""Suffix to writer, ``"module:function"``; "/" stands for a folder of sections.

A writer takes (path, array, spacing_nm, axes, metadata) and writes at a path at which nothing exists.
"""

_MARGIN = 16 << 20  # what the libraries may still hold back when they are asked to close
_N_AXES = {"zyx": 3, "czyx": 4}


class _Guarded:
    """An array that refuses to be read on when the disk is nearly full.

    The HDF5 library crashes the process when a write fails, so it must not come to that.
    """

    def __init__(self, array: Any, folder: Path) -> None:
        self.shape, self.dtype = array.shape, array.dtype
        self._array, self._folder = array, folder

    def __getitem__(self, key: Any) -> NDArray[Any]:
        values = np.asarray(self._array[key])
        if shutil.disk_usage(self._folder).free < values.nbytes + _MARGIN:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return values


def writer_for(path: str | os.PathLike[str]) -> str:
    """Key of `WRITERS` for an output path.

    Raises
    ------
    EmsegError
        If the suffix names no format.
    """
    text = os.fspath(path)
    suffix = Path(text).suffix.lower()
    if text.endswith(("/", os.sep)) or (not suffix and Path(text).is_dir()):
        return "/"
    if suffix not in WRITERS:
        raise EmsegError(
            f"{suffix or 'no suffix'} names no output format",
            text,
            "end it in .zarr, .h5, .tif, or in / for a folder of PNG sections",
        )
    return suffix


def write_array(
    path: str | os.PathLike[str],
    array: Any,
    *,
    spacing_nm: Spacing | None = None,
    axes: str = "zyx",
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write a stack; nothing half-written is ever left under the output's name.

    Parameters
    ----------
    path : str or Path
        The suffix decides: ``.zarr`` (OME-Zarr 0.5), ``.h5`` or ``.hdf`` (dataset ``main``), ``.tif``, or a
        folder ``OUT/`` of PNG sections. What was there before is replaced.
    array : array-like (z, y, x) or (c, z, y, x)
        Numpy, or anything lazy that takes ``array[z]``: it is read section by section.
    spacing_nm : tuple of float, optional
        Voxel size (z, y, x) in nanometres; stored where the format has a place for it.
    axes : {"zyx", "czyx"}
        What the axes of ``array`` are.
    metadata : mapping, optional
        Where the result comes from: plain values, stored as JSON.

    Raises
    ------
    EmsegError
        If the format is unknown, cannot hold the values, or the place cannot be written.
    """
    key = writer_for(path)
    if axes not in _N_AXES or len(array.shape) != _N_AXES[axes]:
        raise EmsegError(
            f"an array {tuple(array.shape)} has no axes {axes}", os.fspath(path), "give zyx or czyx"
        )
    if np.dtype(array.dtype).kind not in "buif":
        raise EmsegError(f"{array.dtype} values cannot be stored", os.fspath(path), "convert them to numbers")
    spacing = None if spacing_nm is None else required_spacing(spacing_nm)
    write = load_function(WRITERS[key])
    with atomic_output(Path(path)) as place:
        try:
            write(place, _Guarded(array, place.parent), spacing, axes, metadata)
        except EmsegError as error:
            if error.where != str(place):
                raise
            raise EmsegError(error.what, os.fspath(path), error.remedy) from error
