"""Reading TIFF stacks: ImageJ, OME and plain ones, page by page or through a memory map."""

from __future__ import annotations

import logging
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.choice import SeveralArrays
from napari_emseg.io.lazy import LazyChannels, LazyStack, grey_of
from napari_emseg.io.memory import refuse_large_pieces
from napari_emseg.io.opened import Opened
from napari_emseg.io.tiff_chain import has_loop
from napari_emseg.io.tiff_spacing import tiff_offset, tiff_spacing

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region
    from napari_emseg.io.paths import DataPath

_CUT = "the file is damaged or cut short"
_AGAIN = "copy or export it again"


class TiffStack(LazyStack):
    """One channel of one series of a TIFF file.

    Parameters
    ----------
    path : Path
        The file.
    series, channel : int
        Which series of the file and which of its channels.
    axes : str
        Axes of the series in tifffile's letters, without those of length 1.
    shape : tuple of int
        Extent along ``axes``.
    pieces : tuple of int
        Tiles or strips (z, y, x).
    """

    def __init__(
        self,
        path: Path,
        series: int,
        channel: int,
        axes: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        pieces: tuple[int, int, int],
    ) -> None:
        self._z = next((a for a in axes if a not in "YXSC"), "")
        extent = dict(zip(axes, shape, strict=True))
        super().__init__(
            (extent.get(self._z, 1), extent.get("Y", 1), extent.get("X", 1)), dtype, pieces, str(path)
        )
        self._path, self._series, self._channel, self._axes = path, series, channel, axes
        self._shape = shape
        self._source: Any = None

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box from the pages or tiles that it touches."""
        z, y, x = region.slices
        part = {self._z: z, "Y": y, "X": x, "C": self._channel, "S": slice(None)}
        values = np.asarray(self._array()[tuple(part[a] for a in self._axes)])
        left = [a for a in self._axes if a != "C"]
        for axis, letter in enumerate((self._z, "Y", "X")):
            if letter not in left:
                values = np.expand_dims(values, axis)
                left.insert(axis, letter)
        order = [left.index(a) for a in (self._z, "Y", "X", "S") if a in left]
        if "S" not in left:
            return values.transpose(order)
        # programs other than tifffile that make planes of colour of sections leave no trace of it
        planes = (
            "; write sections as grey values (photometric minisblack)" if self._axes.startswith("S") else ""
        )
        return grey_of(values.transpose(order), str(self._path), f"convert it to grey values first{planes}")

    def _array(self) -> Any:
        if self._source is None:
            import tifffile
            import zarr

            with tifffile.TiffFile(self._path) as file:
                series = file.series[self._series]
                if series.dataoffset is not None:  # all voxels in one piece
                    dtype = series.dtype.newbyteorder(file.byteorder)
                    self._source = np.memmap(self._path, dtype, "r", series.dataoffset, self._shape)
                    return self._source
            file = tifffile.TiffFile(self._path)
            weakref.finalize(self, file.close)
            store = file.series[self._series].aszarr(level=0)
            self._source = _squeezed(zarr.open_array(store, mode="r"), self._shape)
        return self._source

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_source": None}


def _squeezed(array: Any, shape: tuple[int, ...]) -> Any:
    if tuple(array.shape) != shape:
        raise EmsegError(f"its pages do not form one array {shape}", "TIFF", "save it as a plain stack")
    return array


def read_tiff(where: DataPath) -> Opened:
    """Open one series of a TIFF file; ``::1`` names the second one.

    Raises
    ------
    EmsegError
        If the file is cut short, or holds several series, or more than (c, z, y, x).
    """
    import tifffile

    if has_loop(where.path):
        raise EmsegError(_CUT, str(where), _AGAIN)
    said = _Said()
    log = logging.getLogger("tifffile")
    log.addHandler(said)
    spoke, log.propagate = log.propagate, False
    try:
        with tifffile.TiffFile(where.path) as file:
            series = _choose(file, where)
            every = range(len(file.series[series].pages))
            size = where.path.stat().st_size
            if said.damage or _end(file.series[series], every) > size:
                raise EmsegError(_CUT, str(where), _AGAIN)
            axes, shape = _axes(file.series[series], where)
            if file.is_shaped and axes == "SYX":
                # tifffile made planes of colour of 3 or 4 sections, because nobody told it what they were
                axes = "QYX"
            dtype = file.series[series].dtype
            _refuse_undecodable(file.series[series], where)
            pieces = _pieces(file.series[series], axes, shape)
            spacing = tiff_spacing(file)
            offset = tiff_offset(file, spacing)
    except (tifffile.TiffFileError, ValueError, IndexError, KeyError, TypeError) as error:
        raise EmsegError(f"{_CUT} ({error})", str(where), _AGAIN) from error
    finally:
        log.removeHandler(said)
        log.propagate = spoke
    if getattr(dtype, "kind", "none") not in "buif":
        raise EmsegError("its values have an unknown type", str(where), "convert it to uint8")
    n = shape[axes.index("C")] if "C" in axes else 1
    channels = [TiffStack(where.path, series, c, axes, shape, dtype, pieces) for c in range(n)]
    return Opened(channels[0] if n == 1 else LazyChannels(channels), spacing, offset)


def _choose(file: Any, where: DataPath) -> int:
    n = len(file.series)
    if where.inner:
        if not (where.inner.isdigit() and int(where.inner) < n):
            raise EmsegError(f"there is no series {where.inner}", str(where), f"choose 0 to {n - 1}")
        return int(where.inner)
    if n == 0:
        raise EmsegError("it holds no image", str(where), _AGAIN)
    if n > 1:
        shapes = [s.shape for s in file.series]
        if all(len(s) == 2 for s in shapes):
            raise EmsegError(
                f"its sections differ in size ({shapes[0]}, {shapes[1]} ...)",
                str(where),
                "make them all the same size",
            )
        raise SeveralArrays(where, {str(i): tuple(map(int, s)) for i, s in enumerate(shapes)})
    return 0


def _axes(series: Any, where: DataPath) -> tuple[str, tuple[int, ...]]:
    axes, shape = str(series.axes), tuple(int(n) for n in series.shape)
    stacked = [(a, n) for a, n in zip(axes, shape, strict=True) if a not in "YXSC"]
    if len(stacked) > 1 or "Y" not in axes or "X" not in axes:
        listed = ", ".join(f"{a} {n}" for a, n in zip(axes, shape, strict=True))
        raise EmsegError(f"its axes are no stack of sections ({listed})", str(where), "give axes (z, y, x)")
    return axes, shape


def _pieces(series: Any, axes: str, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """In which parts (z, y, x) a series is best read: tiles or strips, single rows where it can be mapped."""
    extent = dict(zip(axes, shape, strict=True))
    if series.dataoffset is not None:
        return 1, 1, extent["X"]
    page = series.keyframe
    if page.is_tiled:
        return max(1, int(page.tiledepth)), int(page.tilelength), int(page.tilewidth)
    return 1, min(int(page.rowsperstrip), extent["Y"]), extent["X"]


def _refuse_undecodable(series: Any, where: DataPath) -> None:
    """Refuse tiles too large to decode, and compressions that nothing here understands."""
    page = series.keyframe
    if series.dataoffset is not None:
        return
    refuse_large_pieces([int(n) for n in page.chunks], page.dtype or np.uint8, str(where))
    try:
        decode = page.decode
    except ValueError:
        decode = None
    name = str(getattr(page.compression, "name", page.compression))
    if decode is None or getattr(decode, "__name__", "") == "decode_raise_compression":
        raise EmsegError(
            f"it is compressed with {name}, which is not supported", str(where), "save it with zlib"
        )


def _end(series: Any, pages: range) -> int:
    """Where the voxels end in the file, in bytes."""
    if series.dataoffset is not None:
        return int(series.dataoffset + series.size * series.dtype.itemsize)
    found = [series.pages[i] for i in pages]
    return max(
        (o + n for p in found if p is not None for o, n in zip(p.dataoffsets, p.databytecounts, strict=True)),
        default=0,
    )


class _Said(logging.Handler):
    """Listens for tifffile's complaints: it reads what is left of a broken file and only logs the loss."""

    damage = False

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        self.damage |= "invalid page offset" in text or "corrupted" in text or "invalid offset" in text
