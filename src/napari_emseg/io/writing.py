"""Writing: the suffix decides the format, and outputs appear by atomic rename."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.project import is_project
from napari_emseg.io.atomic import atomic_output, check_place
from napari_emseg.io.choice import MAIN
from napari_emseg.io.lookup import load_function
from napari_emseg.io.paths import DataPath, parse_output, parse_path
from napari_emseg.io.source import Source, WriteOptions
from napari_emseg.io.units import required_spacing
from napari_emseg.io.zarr_group import adopt_group, check_inner

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.opened import Offset

WRITERS: dict[str, str] = {
    ".zarr": "napari_emseg.io.omezarr_writing:write_zarr",
    ".h5": "napari_emseg.io.hdf5_writing:write_hdf5",
    ".hdf": "napari_emseg.io.hdf5_writing:write_hdf5",
    ".hdf5": "napari_emseg.io.hdf5_writing:write_hdf5",
    ".n5": "napari_emseg.io.n5_writing:write_n5",
    ".precomputed": "napari_emseg.io.precomputed_writing:write_precomputed",
    ".wk": "napari_emseg.io.webknossos_writing:write_webknossos",
    ".mrc": "napari_emseg.io.mrc_writing:write_mrc",
    ".rec": "napari_emseg.io.mrc_writing:write_mrc",
    ".map": "napari_emseg.io.mrc_writing:write_mrc",
    ".tif": "napari_emseg.io.tiff_writing:write_tiff",
    ".tiff": "napari_emseg.io.tiff_writing:write_tiff",
    ".vast": "napari_emseg.io.vast_writing:write_vast_folder",
    "/": "napari_emseg.io.sections_folder:write_sections",
}
"""Suffix to writer, ``"module:function"``; "/" stands for a folder of sections.

A writer takes (path, array, spacing_nm, axes, metadata) and writes at a path at which nothing exists. The array
is a `Source`, which also says where the volume lies and what else is wanted.
"""

FOLDERS = (".zarr", ".n5", ".precomputed", ".wk", ".vast")
"""Suffixes of the formats that are folders."""

_WITH_INNER = (".h5", ".hdf", ".hdf5", ".zarr")  # volumes can be added to these
_IDS_FROM_BYTES = 4  # integers of 32 or more bits are object ids where nobody says
_N_AXES = {"zyx": 3, "czyx": 4}


def writer_for(path: str | os.PathLike[str]) -> str:
    """Key of `WRITERS` for an output path.

    Raises
    ------
    EmsegError
        If the suffix names no format.
    """
    if not os.fspath(path):
        raise EmsegError(
            "an output has a name", "nothing was given", "name a file, or a folder/ of PNG sections"
        )
    text = str(parse_output(path, WRITERS).path)
    if os.fspath(path).endswith(("/", os.sep)):
        text += "/"
    suffix = Path(text).suffix.lower()
    if suffix in FOLDERS:  # the shell puts a slash behind the name of a folder
        return suffix
    if text.endswith(("/", os.sep)) or (not suffix and Path(text).is_dir()):
        return "/"
    if suffix not in WRITERS:
        raise EmsegError(
            f"{suffix or 'no suffix'} names no output format",
            text,
            f"end it in {', '.join(k for k in WRITERS if k != '/')}, or in / for a folder of PNG sections",
        )
    return suffix


def check_output(path: str | os.PathLike[str], *sources: str | os.PathLike[str] | None) -> str:
    """Refuse what cannot become an output before hours of work, not after.

    Parameters
    ----------
    path : str or Path
        Where the output is to go.
    *sources : str or Path or None
        What is read for it, and may not be replaced by it.

    Returns
    -------
    str
        Key of `WRITERS`.

    Raises
    ------
    EmsegError
        If the suffix names no format, the place cannot be written or is part of a project, or something that is read
        lies there.
    """
    key = writer_for(path)
    where = parse_output(path, WRITERS)
    _refuse_in_project(where)
    _refuse_replacing(where, sources)
    if not where.inner:  # a volume is added to what is there
        check_place(where.path)
    return key


def check_new(path: str | os.PathLike[str], *sources: str | os.PathLike[str] | None) -> None:
    """The same for an output that is no volume: annotations, a table, a movie, a folder of figures.

    Raises
    ------
    EmsegError
        If the place cannot be written or is part of a project, or something that is read lies there.
    """
    where = parse_output(path, _WITH_INNER)
    _refuse_in_project(where)
    _refuse_replacing(where, sources)
    if not where.inner:
        check_place(where.path)


def _refuse_in_project(output: DataPath) -> None:
    """A project's own files are no outputs: the labels of one would be replaced by an export of them."""
    place = Path(os.path.abspath(output.path))  # noqa: PTH100 - a link is replaced, not what it leads to
    for folder in place.parents:
        if is_project(folder):
            raise EmsegError(
                "this is inside a project, which looks after its own files",
                str(folder),
                "choose a place outside it",
            )


def _refuse_replacing(output: DataPath, sources: Iterable[str | os.PathLike[str] | None]) -> None:
    for source in sources:
        if source is not None and _is_replaced(parse_path(source), output):
            raise EmsegError(
                "this output would replace what it is made of", str(output), "choose another name"
            )


def _is_replaced(source: DataPath, output: DataPath) -> bool:
    try:
        if not source.path.samefile(output.path):
            return False
    except (OSError, ValueError):  # one of them is not there
        return False
    return not output.inner or output.inner == (source.inner or MAIN)


def write_array(
    path: str | os.PathLike[str],
    array: Any,
    *,
    spacing_nm: Spacing | None = None,
    axes: str = "zyx",
    metadata: Mapping[str, Any] | None = None,
    offset_nm: Offset | None = None,
    is_labels: bool | None = None,
    options: WriteOptions | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a stack; nothing half-written is ever left under the output's name.

    Parameters
    ----------
    path : str or Path
        The suffix decides: ``.zarr`` (OME-Zarr 0.5), ``.h5`` or ``.hdf`` (dataset ``main``), ``.tif``, ``.mrc``,
        ``.n5``, ``.precomputed`` (Neuroglancer), ``.wk`` (WEBKNOSSOS), or a folder ``OUT/`` of PNG sections.
        What was there before is replaced; ``out.h5::name`` and ``out.zarr::labels/name`` are added to it.
    array : array-like (z, y, x) or (c, z, y, x)
        Numpy, or anything lazy that takes ``array[z]``: it is read section by section.
    spacing_nm : tuple of float, optional
        Voxel size (z, y, x) in nanometres; stored where the format has a place for it.
    axes : {"zyx", "czyx"}
        What the axes of ``array`` are.
    metadata : mapping, optional
        Where the result comes from: plain values, stored as JSON.
    offset_nm : tuple of float, optional
        Where the first voxel lies (z, y, x) in nanometres; stored where the format can.
    is_labels : bool, optional
        Whether the values are object ids; by default integers of 32 or more bits are.
    options : WriteOptions, optional
        What else a format may be told.
    progress : Progress, optional
        Told what part of the voxels was read.

    Raises
    ------
    EmsegError
        If there are no voxels, the format is unknown, cannot hold the values, or the place cannot be written.
    """
    key = writer_for(path)
    if axes not in _N_AXES or len(array.shape) != _N_AXES[axes]:
        raise EmsegError(
            f"an array {tuple(array.shape)} has no axes {axes}", os.fspath(path), "give zyx or czyx"
        )
    if 0 in array.shape:
        raise EmsegError(
            f"an array {tuple(array.shape)} holds no voxels", os.fspath(path), "check what was cut out"
        )
    if np.dtype(array.dtype).kind not in "buif":
        raise EmsegError(f"{array.dtype} values cannot be stored", os.fspath(path), "convert them to numbers")
    spacing = None if spacing_nm is None else required_spacing(spacing_nm)
    where = parse_output(path, WRITERS)
    if where.inner and key not in _WITH_INNER:
        raise EmsegError("this format holds one volume only", str(where), "leave out what follows ::")
    dtype = np.dtype(array.dtype)
    holds_ids = (dtype.kind in "ui" and dtype.itemsize >= _IDS_FROM_BYTES) if is_labels is None else is_labels
    write = load_function(WRITERS[key])
    with _place(where, key) as place:
        source = Source(
            array, place.parent, offset_nm=offset_nm, is_labels=holds_ids, name=where.name, inner=where.inner,
            options=options, progress=progress,
        )  # fmt: skip
        try:
            write(place, source, spacing, axes, metadata)
        except EmsegError as error:
            if not error.where.startswith(str(place)):
                raise
            said = os.fspath(path) + error.where.removeprefix(str(place))
            raise EmsegError(error.what, said, error.remedy) from error


@contextmanager
def _place(where: DataPath, key: str) -> Iterator[Path]:
    """Where to write; what an existing file or store holds already stays in it."""
    if where.inner and key == ".zarr":
        check_inner(where)
        if where.path.exists():
            with atomic_output(where.path / where.inner) as place:
                yield place
            adopt_group(where.path, where.inner)
            return
        with atomic_output(where.path) as store:
            (store / where.inner).parent.mkdir(parents=True)
            yield store / where.inner
            adopt_group(store, where.inner)
        return
    with atomic_output(where.path) as place:
        if where.inner and where.path.is_file():
            shutil.copyfile(where.path, place)
        yield place
