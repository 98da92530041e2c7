"""HDF5 files: one dataset of a file, found by its internal path."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.io.choice import MAIN, choose
from napari_emseg.io.lazy import LazyArray, LazyChannels, LazyStack, grey_of, voxel_type
from napari_emseg.io.units import valid_spacing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.paths import DataPath

_CHUNK = (8, 256, 256)
_NM_ATTRIBUTES = ("resolution", "spacing", "voxel_size")
_UM_ATTRIBUTES = ("element_size_um",)


class Hdf5Stack(LazyStack):
    """One channel of one dataset; the file is opened when first read, and again in another process.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Internal path of the dataset.
    full : tuple of int
        Shape of the dataset: (y, x), (z, y, x), (z, y, x, 3 or 4) or (c, z, y, x).
    channel : int or None
        Which channel of a (c, z, y, x) dataset.
    """

    def __init__(
        self, path: Path, name: str, full: tuple[int, ...], dtype: np.dtype[Any], channel: int | None = None
    ) -> None:
        self._colour = channel is None and len(full) == 4
        shape = full[1:] if channel is not None else full[:3] if self._colour else full
        super().__init__((1, *shape) if len(shape) == 2 else shape, dtype)
        self._path, self._name, self._channel, self._flat = path, name, channel, len(full) == 2
        self._dataset: Any = None

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box from the chunks that it touches."""
        if self._dataset is None:
            self._dataset = _open(self._path)[self._name]
        key: tuple[Any, ...] = region.slices
        if self._flat:
            return np.asarray(self._dataset[key[1:]])[None]
        if self._channel is not None:
            key = (self._channel, *key)
        values = np.asarray(self._dataset[key])
        return grey_of(values, f"{self._path}::{self._name}") if self._colour else values

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_dataset": None}


def _open(path: Path) -> Any:
    import h5py

    try:
        # Without a lock, so that read-only folders and network disks work.
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if isinstance(error, PermissionError):
            raise
        raise EmsegError("the file is damaged or cut short", str(path), "copy or export it again") from error


def read_hdf5(where: DataPath) -> tuple[LazyArray, Spacing | None]:
    """Open one dataset of an HDF5 file.

    Raises
    ------
    EmsegError
        If the file is damaged, or the dataset is missing or ambiguous; the choices are listed.
    """
    import h5py

    with _open(where.path) as file:
        datasets: dict[str, tuple[int, ...]] = {}

        def note(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and 2 <= item.ndim <= 4 and item.dtype.kind in "buif":
                datasets[name] = tuple(item.shape)

        file.visititems(note)
        name = choose(datasets, where)
        dataset = file[name]
        full, dtype = tuple(dataset.shape), dataset.dtype
        spacing = _spacing(dataset)
    if len(full) == 4 and not (full[-1] in (3, 4) and dtype == np.uint8):
        stacks = [Hdf5Stack(where.path, name, full, dtype, c) for c in range(full[0])]
        if not stacks:
            raise EmsegError(f"it holds no voxels {full}", str(where), "export it again")
        return (stacks[0] if len(stacks) == 1 else LazyChannels(stacks)), spacing
    return Hdf5Stack(where.path, name, full, dtype), spacing


def _spacing(dataset: Any) -> Spacing | None:
    """Voxel size from the attributes of a dataset or of the group that holds it."""
    for holder in (dataset, dataset.parent):
        for names, factor in ((_NM_ATTRIBUTES, 1.0), (_UM_ATTRIBUTES, 1e3)):
            for name in names:
                if name in holder.attrs:
                    spacing = valid_spacing(holder.attrs[name], factor)
                    if spacing:
                        return spacing
    return None


def write_hdf5(
    path: Path, array: Any, spacing_nm: Spacing | None, axes: str, metadata: Mapping[str, Any] | None
) -> None:
    """Write dataset ``main``, gzip-compressed, with attributes ``resolution`` (nm) and ``axes``.

    Parameters
    ----------
    path : Path
        File to write.
    array : array-like (z, y, x) or (c, z, y, x)
        Read a few sections at a time.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); no attribute is written where it is unknown.
    axes : {"zyx", "czyx"}
        What the axes are.
    metadata : mapping or None
        Provenance, stored as JSON in attribute ``provenance``.
    """
    import h5py

    shape = tuple(int(n) for n in array.shape)
    dtype = voxel_type(array.dtype)
    chunks = tuple(min(c, n) for c, n in zip((*(1,) * (len(shape) - 3), *_CHUNK), shape, strict=True))
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(
            MAIN, shape=shape, dtype=dtype, chunks=chunks, compression="gzip", compression_opts=3
        )
        dataset.attrs["axes"] = axes
        if spacing_nm:
            dataset.attrs["resolution"] = np.asarray(spacing_nm, dtype=float)
        if metadata:
            dataset.attrs["provenance"] = json.dumps(dict(metadata), default=str)
        for z in range(0, shape[-3], _CHUNK[0]):
            part = (slice(z, min(z + _CHUNK[0], shape[-3])), slice(None), slice(None))
            if axes == "zyx":
                dataset[part] = np.asarray(array[part])
            else:
                for c in range(shape[0]):
                    dataset[(c, *part)] = np.asarray(array[(c, *part)])
