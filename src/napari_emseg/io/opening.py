"""Opening: which reader serves a path, and what it gives back."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.stack import ImageStack
from napari_emseg.io.check import check_image
from napari_emseg.io.choice import several_channels
from napari_emseg.io.lazy import LazyChannels
from napari_emseg.io.lookup import load_function
from napari_emseg.io.magic import ATTRIBUTES, INFO, PROPERTIES, looks_like_bdv, looks_like_mrc
from napari_emseg.io.opened import Opened
from napari_emseg.io.origin import read_origin
from napari_emseg.io.paths import SAMPLE, DataPath, parse_path, split_channel, with_channel
from napari_emseg.io.refusing import refusing
from napari_emseg.io.tile_database import is_tile_database
from napari_emseg.io.units import required_spacing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.lazy import LazyArray

READERS: dict[str, str] = {
    "tiff": "napari_emseg.io.tiff:read_tiff",
    "hdf5": "napari_emseg.io.hdf5:read_hdf5",
    "zarr": "napari_emseg.io.omezarr:read_zarr",
    "mrc": "napari_emseg.io.mrc:read_mrc",
    "n5": "napari_emseg.io.n5:read_n5",
    "precomputed": "napari_emseg.io.precomputed:read_precomputed",
    "webknossos": "napari_emseg.io.webknossos:read_webknossos",
    "bdv": "napari_emseg.io.bdv:read_bdv",
    "sections": "napari_emseg.io.sections_folder:read_sections",
    "tiles": "napari_emseg.io.tile_database:read_tile_database",
}
"""Format to reader, ``"module:function"``.

A reader takes a `DataPath` and gives an `Opened`, or only (array, spacing or None).
"""

READABLE = (
    "a TIFF stack, HDF5, OME-Zarr, MRC, N5, a Neuroglancer or WEBKNOSSOS volume, "
    "or a folder of PNG, TIFF or JPEG sections"
)

_MAGIC = {
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"MM\0+": "tiff",
    b"\x89PNG": "sections",
    b"\xff\xd8\xff": "sections",
}
_ZARR_FILES = ("zarr.json", ".zgroup", ".zarray", ".zattrs")


def format_of_folder(path: Path) -> str:
    """Which reader serves a folder: by the descriptions in it, a stack of sections where there are none."""
    if (path / PROPERTIES).is_file():  # its layers are zarr, so it comes first
        return "webknossos"
    if path.suffix == ".zarr" or any((path / name).exists() for name in _ZARR_FILES):
        return "zarr"
    if path.suffix == ".n5" or (path / ATTRIBUTES).is_file():
        return "n5"
    return "precomputed" if path.suffix == ".precomputed" or (path / INFO).is_file() else "sections"


def detect_format(path: Path) -> str:
    """Which reader serves a file or folder; the content decides, not the suffix.

    Returns
    -------
    str
        A key of `READERS`.

    Raises
    ------
    EmsegError
        If there is nothing, nothing in it, or nothing that a reader understands.
    """
    if not path.exists():
        raise EmsegError("there is no such file or folder", str(path), "check the path")
    try:
        if path.is_dir():
            return format_of_folder(path)
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError as error:
        raise EmsegError(
            f"it cannot be read ({error.strerror})", str(path), "check its permissions"
        ) from error
    if not head:
        raise EmsegError("the file is empty", str(path), "copy or export it again")
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    if looks_like_mrc(path, head):
        return "mrc"
    if looks_like_bdv(head):
        return "bdv"
    if is_tile_database(head):
        return "tiles"
    # HDF5 allows a user block in front, in powers of two from 512 bytes.
    if b"\x89HDF\r\n\x1a\n" in head[512:]:
        return "hdf5"
    raise EmsegError("this format is not known", str(path), f"give {READABLE}")


def open_array(path: str | os.PathLike[str]) -> tuple[LazyArray, Spacing | None]:
    """Open labels, probabilities or an image without reading its voxels.

    Parameters
    ----------
    path : str or Path
        A file or folder, with ``::internal/path`` where it holds several arrays. Without one, the only
        dataset, ``main``, or the multiscale image is taken.

    Returns
    -------
    array : LazyStack or LazyChannels
        (z, y, x), or (c, z, y, x) where the file has channels. A single section has z = 1.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x) in nanometres where the file carries one.

    Raises
    ------
    EmsegError
        If the file cannot be understood; where several arrays could be meant, the choices are listed.
    """
    opened = open_volume(path)
    return opened.array, opened.spacing_nm


def open_volume(path: str | os.PathLike[str]) -> Opened:
    """Open labels, probabilities or an image without reading its voxels, with all that the file says of it.

    Parameters
    ----------
    path : str or Path
        As in `open_array`.

    Returns
    -------
    Opened
        The array, its voxel size, where it lies, and whether its values are object ids.

    Raises
    ------
    EmsegError
        As in `open_array`.
    """
    where = parse_path(path)
    reader = load_function(READERS[detect_format(where.path)])
    with refusing(where):
        opened = _opened(reader, where)
    if isinstance(opened.array, LazyChannels) and len(opened.array) > 1:
        for n, stack in enumerate(opened.array.channels):
            stack.where = str(with_channel(parse_path(stack.where or str(where)), n))
    else:
        only = opened.array.channels[0] if isinstance(opened.array, LazyChannels) else opened.array
        only.where = only.where or str(where)
    return opened


def _opened(reader: Callable[[DataPath], Any], where: DataPath) -> Opened:
    """An array of a file, or a channel of it."""
    whole, channel = split_channel(where)
    if channel is None:
        return Opened(*reader(where))
    try:
        opened = Opened(*reader(whole))
        return opened._replace(array=_one_of(opened.array, channel, where))
    except EmsegError:
        if not whole.inner:
            raise
        with suppress(EmsegError):
            return Opened(*reader(where))  # an array may be called so
        raise


def _one_of(array: LazyArray, channel: int, where: DataPath) -> LazyArray:
    channels = array.channels if isinstance(array, LazyChannels) else (array,)
    if channel >= len(channels):
        there = f"choose 0 to {len(channels) - 1}" if len(channels) > 1 else "it has one channel"
        raise EmsegError(f"there is no channel {channel}", str(where), there)
    chosen = channels[channel]
    chosen.where = str(where)
    return chosen


def open_image(path: str | os.PathLike[str], *, spacing_nm: Spacing | None = None) -> ImageStack:
    """Open a grey stack without reading its voxels, and check that it is one.

    Parameters
    ----------
    path : str or Path
        As in `open_array`, or ``sample:phantom`` or ``sample:vnc``.
    spacing_nm : tuple of float, optional
        Voxel size (z, y, x) in nanometres; it wins over the file's.

    Returns
    -------
    ImageStack
        Its ``spacing_source`` says where the voxel size comes from: "you", "file", "sample" or "unknown".

    Raises
    ------
    EmsegError
        If there is no grey stack: colour, channels, nothing in it, values that are not numbers.
    """
    given = None if spacing_nm is None else required_spacing(spacing_nm)
    text = os.fspath(path)
    if text.startswith(SAMPLE):
        from napari_emseg.io.samples import open_sample  # samples pull in pooch and the phantom

        stack = open_sample(text.removeprefix(SAMPLE))
        if given:
            stack = ImageStack(stack.data, given, "you", stack.name, stack.uri)
        return stack
    where = parse_path(text)
    opened = open_volume(path)
    array, found = opened.array, opened.spacing_nm
    if isinstance(array, LazyChannels):
        raise several_channels(where, array.shape, read_origin(text).get("targets", ()))
    source = "you" if given else "file" if found else "unknown"
    uri = str(DataPath(where.path.resolve(), where.inner))
    # a position is in the same unit as the voxel size: without one in the file it would be a guess
    stack = ImageStack(array, given or found, source, where.name, uri, opened.offset_nm if found else None)
    check_image(stack)
    return stack
