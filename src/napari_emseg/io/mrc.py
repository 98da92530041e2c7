"""Reading MRC, REC and MAP volumes through a memory map; sizes in their headers are in ångström."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.axes import PlacedStack
from napari_emseg.io.magic import MRC_HEADER_BYTES, MRC_MODES
from napari_emseg.io.opened import Opened
from napari_emseg.io.units import valid_offset, valid_spacing

if TYPE_CHECKING:
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.opened import Offset
    from napari_emseg.io.paths import DataPath

NARROWED = "napari-emseg values: uint8"
"""A label of files whose 16-bit values were bytes: the format has no unsigned bytes."""

_NM = 0.1  # an ångström
_IMOD_STAMP_AT, _IMOD_FLAGS_AT = 152, 156
_IMOD_STAMP = 1146047817
_SIGNED_BYTES = 1  # bit of IMOD's flags
_CAUTION = "copy or export it again"


class MrcStack(PlacedStack):
    """Voxels of an MRC file, mapped when first read.

    Parameters
    ----------
    path : Path
        The file.
    stored : numpy dtype
        Type of its voxels on disk.
    begin : int
        Where they begin, in bytes.
    """

    def __init__(self, path: Path, stored: np.dtype[Any], begin: int, **layout: Any) -> None:
        super().__init__(where=str(path), **layout)
        self._path, self._stored, self._begin, self._full = path, stored, begin, layout["full"]

    def open(self) -> Any:
        """The mapped voxels."""
        return np.memmap(self._path, self._stored, "r", self._begin, tuple(self._full))


def read_mrc(where: DataPath) -> Opened:
    """Open an MRC volume or a stack of images.

    Bytes are signed, but where IMOD says that they are not. Volumes whose columns, rows and sections are
    not x, y and z are turned.

    Raises
    ------
    EmsegError
        If the header is damaged, the file is cut short, or the values are complex or packed.
    """
    import mrcfile

    if where.inner:
        raise EmsegError("an MRC file holds one volume only", str(where), "leave out what follows ::")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # permissive: what is odd in the header is judged below
            with mrcfile.open(where.path, permissive=True, header_only=True) as file:
                header = file.header.copy()
                labels = [str(label) for label in file.get_labels()]
    except (ValueError, IndexError, TypeError) as error:
        raise EmsegError("its header is damaged", str(where), _CAUTION) from error
    full = tuple(int(header[name]) for name in ("nz", "ny", "nx"))
    mode = int(header["mode"])
    if mode not in MRC_MODES:
        raise EmsegError(
            f"its values are of MRC mode {mode}, no grey values", str(where), "convert it to mode 2"
        )
    stored = np.dtype(MRC_MODES[mode]).newbyteorder(header["nx"].dtype.byteorder)
    if mode == 0 and _bytes_are_unsigned(where.path, header):
        stored = np.dtype("u1")
    begin = MRC_HEADER_BYTES + int(header["nsymbt"])
    if min(full) < 1 or begin < MRC_HEADER_BYTES:
        raise EmsegError(f"its header is damaged (extent {full})", str(where), _CAUTION)
    if begin + math.prod(full) * stored.itemsize > where.path.stat().st_size:
        raise EmsegError("the file is damaged or cut short", str(where), _CAUTION)
    axes = _axes(header, str(where))
    given = np.uint8 if mode == 6 and NARROWED in labels else stored
    array = MrcStack(where.path, stored, begin, axes=axes, full=full, dtype=given)
    spacing = _spacing(header)
    return Opened(array, spacing, _offset(header, axes, spacing))


def _axes(header: Any, where: str) -> str:
    """What the file's sections, rows and columns are; all zero in old files that mean z, y, x."""
    order = [int(header[name]) for name in ("maps", "mapr", "mapc")]
    if order == [0, 0, 0]:
        return "zyx"
    if sorted(order) != [1, 2, 3]:
        raise EmsegError(f"its axes {order} are not 1, 2 and 3", where, _CAUTION)
    return "".join(" xyz"[n] for n in order)


def _spacing(header: Any) -> Spacing | None:
    """Voxel size from the cell and its sampling; a cell of one voxel of 1 Å each is a file that does not know."""
    cell = [float(header["cella"][a]) for a in "zyx"]
    sampling = [int(header[f"m{a}"]) for a in "zyx"]
    if min(sampling) < 1:
        return None
    sizes = [c / m for c, m in zip(cell, sampling, strict=True)]
    return None if sizes == [1.0, 1.0, 1.0] else valid_spacing(sizes, _NM)


def _offset(header: Any, axes: str, spacing: Spacing | None) -> Offset | None:
    """Position from the origin in ångström, else from the first column, row and section in voxels."""
    origin = [float(header["origin"][a]) for a in "zyx"]
    if any(origin):
        return valid_offset(origin, _NM)
    # The starts are those of columns, rows and sections, not of x, y and z.
    starts = dict(zip(axes[::-1], (int(header[f"n{a}start"]) for a in "xyz"), strict=True))
    if spacing is None or not any(starts.values()):
        return None
    return valid_offset([starts[a] for a in "zyx"], np.asarray(spacing))


def _bytes_are_unsigned(path: Path, header: Any) -> bool:
    """Whether IMOD wrote this file and says that its bytes are not signed."""
    order = ">" if header["nx"].dtype.byteorder == ">" else "<"
    with path.open("rb") as file:
        head = file.read(MRC_HEADER_BYTES)
    stamp, flags = np.frombuffer(head[_IMOD_STAMP_AT : _IMOD_FLAGS_AT + 4], f"{order}i4")
    return int(stamp) == _IMOD_STAMP and not int(flags) & _SIGNED_BYTES
