"""Sections that are cut into tiles, one image file each."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.io.lazy import LazyStack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

_CACHE_BYTES = 128 << 20
Place = tuple[int, int, int]
"""Section, row and column of a tile, from 0."""


class Mosaic(LazyStack):
    """A stack of tiled sections; only the tiles that a box touches are decoded, and the last ones are kept.

    Parameters
    ----------
    shape : tuple of int
        (z, y, x) in pixels. The last row and column of tiles may reach beyond it.
    dtype : numpy dtype
    tile : tuple of int
        Height and width of a whole tile.
    files : mapping of (z, row, column) to Path
        The tiles that exist.
    decode : callable
        ``decode(file)`` gives the (y, x) values of one tile; it must be picklable.
    fill : int
        Value of the pixels of missing tiles.
    where : str
        For messages.
    notes : tuple of str
        What a person should know: how many tiles are missing.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        dtype: DTypeLike,
        tile: tuple[int, int],
        files: Mapping[Place, Path],
        decode: Callable[[Path], NDArray[Any]],
        *,
        fill: int = 0,
        where: str = "",
        notes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(shape, dtype, (1, *tile), where)
        self.tile, self.fill, self.notes = tile, fill, notes
        self._files, self._decode = dict(files), decode
        self._kept: OrderedDict[Place, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box from the tiles that it touches."""
        out = np.full(region.shape, self.fill, self.dtype)
        (z0, y0, x0), (z1, y1, x1) = region.start, region.stop
        height, width = self.tile
        for z in range(z0, z1):
            for row in range(y0 // height, -(-y1 // height)):
                for column in range(x0 // width, -(-x1 // width)):
                    values = self._tile((z, row, column))
                    if values is None:
                        continue
                    top, left = row * height, column * width
                    a, b = max(y0, top), min(y1, top + values.shape[0])
                    c, d = max(x0, left), min(x1, left + values.shape[1])
                    if a < b and c < d:
                        out[z - z0, a - y0 : b - y0, c - x0 : d - x0] = values[
                            a - top : b - top, c - left : d - left
                        ]
        return out

    def _tile(self, place: Place) -> NDArray[Any] | None:
        file = self._files.get(place)
        if file is None:
            return None
        with self._lock:
            if place in self._kept:
                self._kept.move_to_end(place)
                return self._kept[place]
        values = self._decode(file)
        self._check(values, place, file)
        with self._lock:
            self._kept[place] = values
            while len(self._kept) > 1 and sum(v.nbytes for v in self._kept.values()) > _CACHE_BYTES:
                self._kept.popitem(last=False)
        return values

    def _check(self, values: NDArray[Any], place: Place, file: Path) -> None:
        _, row, column = place
        needed = (
            min(self.tile[0], self.shape[1] - row * self.tile[0]),
            min(self.tile[1], self.shape[2] - column * self.tile[1]),
        )
        if values.ndim != 2 or any(n < m for n, m in zip(values.shape, needed, strict=True)):
            raise EmsegError(
                f"a tile measures {values.shape} and not {needed}", str(file), "export this tile again"
            )
        if not np.can_cast(values.dtype, self.dtype, "safe"):
            raise EmsegError(
                f"a tile holds {values.dtype} and not {self.dtype}", str(file), "export this tile again"
            )

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept": OrderedDict(), "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()


def missing_note(missing: list[Place], total: int, shown: str) -> tuple[str, ...]:
    """One sentence on tiles that are not there, or nothing."""
    if not missing:
        return ()
    z, row, column = missing[0]
    n = f"{len(missing)} of {total} tiles are" if len(missing) > 1 else f"1 of {total} tiles is"
    return (f"{n} missing and shown as {shown}; the first: section {z}, row {row + 1}, column {column + 1}",)
