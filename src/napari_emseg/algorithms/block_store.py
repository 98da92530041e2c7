"""Arrays in blocks, in memory or one file a block: written once, read in any box."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.indexing import box_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region


class BlockStore:
    """A volume in blocks.

    Parameters
    ----------
    shape, block : tuple of int
        Extent of the volume and of a block, (z, y, x).
    folder : Path, optional
        Where files go; None keeps blocks in memory.
    """

    def __init__(
        self, shape: tuple[int, int, int], block: tuple[int, int, int], folder: Path | None = None
    ) -> None:
        self.shape, self.block = shape, block
        self._folder = folder
        self._held: dict[tuple[int, ...], NDArray[Any]] = {}

    def write(self, region: Region, values: NDArray[Any]) -> None:
        """Keep a whole block."""
        place = tuple(a // b for a, b in zip(region.start, self.block, strict=True))
        if self._folder is None:
            self._held[place] = values
        else:
            np.save(self._folder / _name(place), values)

    def read(self, start: tuple[int, ...], stop: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """A box that lies inside the volume."""
        box = np.zeros([b - a for a, b in zip(start, stop, strict=True)], dtype)
        for place, there, here in self._pieces(start, stop):
            box[here] = self._open(place)[there]
        return box

    def pick(self, voxels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Values of single voxels, (n,), given as raster numbers."""
        values = np.zeros(voxels.size, np.int64)
        where = np.stack(np.unravel_index(voxels, self.shape), 1).reshape(-1, 3)
        _, group = np.unique(where // np.array(self.block), axis=0, return_inverse=True)
        order = np.argsort(group.ravel(), kind="stable")
        for ids in np.split(order, np.flatnonzero(np.diff(group.ravel()[order])) + 1):
            if ids.size:
                place = tuple((where[ids[0]] // np.array(self.block)).tolist())
                inner = where[ids] - np.array(place) * np.array(self.block)
                values[ids] = self._open(place)[tuple(inner.T)]
        return values

    def _open(self, place: tuple[int, ...]) -> NDArray[Any]:
        if self._folder is None:
            return self._held[place]
        found: NDArray[Any] = np.load(self._folder / _name(place), mmap_mode="r")
        return found

    def _pieces(
        self, start: tuple[int, ...], stop: tuple[int, ...]
    ) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...], tuple[slice, ...]]]:
        """Blocks that a box meets: which, what of it, and where in the box."""
        spans = [range(a // n, (b - 1) // n + 1) for a, b, n in zip(start, stop, self.block, strict=True)]
        for place in product(*spans):
            there, here = [], []
            for k, n, a, b in zip(place, self.block, start, stop, strict=True):
                low, high = max(a, k * n), min(b, (k + 1) * n)
                there.append(slice(low - k * n, high - k * n))
                here.append(slice(low - a, high - a))
            yield place, tuple(there), tuple(here)


class SlabStore(BlockStore):
    """A volume in slabs of sections that is written and read like an array.

    Parameters
    ----------
    shape : (z, y, x)
    slab : int
        Sections of a block; written whole.
    folder : Path, optional
        Where files go; None keeps them in memory.
    dtype : numpy dtype
    """

    ndim = 3

    def __init__(
        self, shape: tuple[int, int, int], slab: int, folder: Path | None, dtype: np.dtype[Any]
    ) -> None:
        super().__init__(shape, (slab, max(shape[1], 1), max(shape[2], 1)), folder)
        self.dtype = dtype
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def __len__(self) -> int:
        return self.shape[0]

    def __setitem__(self, key: Any, values: NDArray[Any]) -> None:
        self.write(box_key(key, self.shape).region, values.astype(self.dtype))

    def __getitem__(self, key: Any) -> NDArray[Any]:
        found = box_key(key, self.shape)
        box: NDArray[Any] = self.read(found.region.start, found.region.stop, self.dtype)[found.local]
        return box


class RenamedBlocks:
    """Final ids of a stored volume, read lazily.

    Parameters
    ----------
    store : BlockStore
        Provisional ids.
    names : ndarray of uint32
        Provisional to final id.
    empty : tuple of (array-like, float), optional
        A map, and the value from which on voxels are nobody's.
    """

    ndim = 3
    dtype = np.dtype(np.uint32)

    def __init__(
        self, store: BlockStore, names: NDArray[np.uint32], empty: tuple[Any, float] | None = None
    ) -> None:
        self.shape = store.shape
        self._store, self._names, self._empty = store, names, empty

    @property
    def n_ids(self) -> int:
        """Number of ids."""
        return int(np.unique(self._names[self._names > 0]).size)

    def without(self, boundary: Any, line: float) -> RenamedBlocks:
        """The same with voxels of a map (z, y, x) from `line` upwards left empty."""
        return RenamedBlocks(self._store, self._names, (boundary, line))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[np.uint32]:
        found = box_key(key, self.shape)
        box = self._names[self._store.read(found.region.start, found.region.stop, np.int64)]
        if self._empty is not None:
            boundary, line = self._empty
            box[np.asarray(boundary[found.region.slices]) >= line] = 0
        result: NDArray[np.uint32] = box[found.local]
        return result


def _name(place: tuple[int, ...]) -> str:
    return "-".join(str(k) for k in place) + ".npy"
