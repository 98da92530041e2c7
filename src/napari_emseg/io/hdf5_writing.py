"""Writing HDF5: dataset ``main``, or any other of a file that may hold some already."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.boxes import boxes
from napari_emseg.io.choice import MAIN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.source import Source

_CHUNK = (8, 256, 256)
_CREMI = "volumes/"
_CREMI_VERSION = "0.2"


def write_hdf5(
    path: Path, array: Source, spacing_nm: Spacing | None, axes: str, metadata: Mapping[str, Any] | None
) -> None:
    """Write a dataset, gzip-compressed, with attributes ``axes``, ``resolution`` and ``offset`` (nm).

    Parameters
    ----------
    path : Path
        File to write; what it holds already stays, but for a dataset of the same name.
    array : Source (z, y, x) or (c, z, y, x)
        Read a few sections at a time. Its inner path names the dataset; otherwise it is ``main``.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); no attribute is written where it is unknown.
    axes : {"zyx", "czyx"}
        What the axes are.
    metadata : mapping or None
        Provenance, stored as JSON in attribute ``provenance``.

    Raises
    ------
    EmsegError
        If a group has the name of the dataset, or the file is damaged.
    """
    import h5py

    name = array.inner or MAIN
    chunks = tuple(min(c, n) or 1 for c, n in zip(_CHUNK, array.shape[-3:], strict=True))
    many = () if axes == "zyx" else (1,)
    with h5py.File(path, "a") as file:
        _make_room(file, name, path)
        dataset = file.create_dataset(
            name, shape=array.shape, dtype=array.dtype, chunks=(*many, *chunks) if 0 not in array.shape else None,
            **({"compression": "gzip", "compression_opts": 3} if 0 not in array.shape else {}),
        )  # fmt: skip
        if name.startswith(_CREMI) and "file_format" not in file.attrs:
            file.attrs["file_format"] = _CREMI_VERSION
        dataset.attrs["axes"] = axes
        if spacing_nm:
            dataset.attrs["resolution"] = np.asarray(spacing_nm, dtype=float)
        if array.offset_nm:
            dataset.attrs["offset"] = np.asarray(array.offset_nm, dtype=float)
        if metadata:
            dataset.attrs["provenance"] = json.dumps(dict(metadata), default=str)
        # Channels inside: a source that is computed while it is written gives its sections only in order.
        for box in boxes(array.shape[-3:], array.chunks, chunks, array.dtype.itemsize):
            for c, channel in enumerate(array.channels()):
                dataset[((c,) if many else ()) + box.slices] = channel[box.slices]


def _make_room(file: Any, name: str, path: Path) -> None:
    import h5py

    parts = name.split("/")
    for n in range(1, len(parts)):
        if isinstance(file.get("/".join(parts[:n])), h5py.Dataset):
            raise EmsegError(
                f"{'/'.join(parts[:n])} is a dataset and no group", str(path), "choose another name"
            )
    if isinstance(file.get(name), h5py.Group):
        raise EmsegError(f"{name} is a group and no dataset", str(path), "choose another name")
    if name in file:
        del file[name]
