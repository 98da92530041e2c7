"""Writing TIFF stacks: ImageJ's format where it can hold them, else OME (several channels, too), else plain TIFF."""

from __future__ import annotations

import json
import tempfile
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.boxes import in_sections
from napari_emseg.io.lazy import voxel_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.source import Source

_IMAGEJ_LIMIT = 3 << 30  # ImageJ's own format ends at 4 GB
_IMAGEJ_TYPES = ("uint8", "uint16", "float32")
_OME_TYPES = ("uint32", "int8", "int16", "int32", "float64", *_IMAGEJ_TYPES)


def write_tiff(
    path: Path, array: Source, spacing_nm: Spacing | None, axes: str, metadata: Mapping[str, Any] | None
) -> None:
    """Write a stack section by section.

    Parameters
    ----------
    path : Path
        File to write.
    array : Source (z, y, x) or (c, z, y, x)
        Only one section is in memory at a time.
    spacing_nm : tuple of float or None
        Stored in the format's own place.
    axes : {"zyx", "czyx"}
        What the axes are.
    metadata : mapping or None
        Provenance, stored as JSON.

    Raises
    ------
    EmsegError
        If sections are one pixel wide: TIFF takes the last axis for colours then, and the shape would not come back.
    """
    import tifffile

    if array.shape[-1] == 1:
        raise EmsegError("sections one pixel wide cannot be kept in TIFF", str(path), "write .zarr or .h5")

    dtype = voxel_type(array.dtype)
    shape = tuple(int(n) for n in array.shape)
    note = json.dumps(dict(metadata or {}), default=str)
    letters = axes.upper()
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    common: dict[str, Any] = {"data": _pages(array, axes, dtype, path.parent), "shape": shape, "dtype": dtype}
    common["photometric"] = "minisblack"
    # ImageJ keeps the channels of a section together, (z, c, y, x): several are no stack of its own format
    if axes == "zyx" and dtype.name in _IMAGEJ_TYPES and n_bytes < _IMAGEJ_LIMIT:
        extra: dict[str, Any] = {"axes": letters, "Info": note}
        if spacing_nm:
            extra |= {"spacing": spacing_nm[0], "unit": "nm"}
            common["resolution"] = (1 / spacing_nm[2], 1 / spacing_nm[1])
            for letter, place, size in zip("zyx", array.offset_nm or (), spacing_nm, strict=False):
                extra[f"{letter}origin"] = -place / size
        tifffile.imwrite(path, imagej=True, metadata=extra, **common)
    elif dtype.name in _OME_TYPES:
        extra = {"axes": letters, "Description": note}
        for letter, size in zip("ZYX", spacing_nm or (), strict=False):
            extra |= {f"PhysicalSize{letter}": size, f"PhysicalSize{letter}Unit": "nm"}
        if array.offset_nm:
            n_planes, n_sections = int(np.prod(shape[:-2])), shape[-3]
            planes: dict[str, Any] = {}
            for letter, place, size in zip("ZYX", array.offset_nm, spacing_nm or (0, 0, 0), strict=True):
                step = size if letter == "Z" else 0.0
                planes[f"Position{letter}"] = [place + i % n_sections * step for i in range(n_planes)]
                planes[f"Position{letter}Unit"] = ["nm"] * n_planes
            extra["Plane"] = planes
        tifffile.imwrite(
            path, ome=True, bigtiff=n_bytes > _IMAGEJ_LIMIT, compression="zlib", metadata=extra, **common
        )
    else:
        extra = {
            "axes": letters,
            "spacing_nm": spacing_nm,
            "offset_nm": array.offset_nm,
            "napari_emseg": note,
        }
        tifffile.imwrite(path, bigtiff=n_bytes > _IMAGEJ_LIMIT, compression="zlib", metadata=extra, **common)


def _pages(array: Source, axes: str, dtype: np.dtype[Any], scratch: Path) -> Iterator[NDArray[Any]]:
    if axes == "zyx":
        for section in in_sections(array, scratch):
            yield np.ascontiguousarray(section, dtype=dtype)
        return
    # Sections are computed in order, all channels of one at a time; the file has one channel after the other.
    n_channels, n_sections, *extent = (int(n) for n in array.shape)
    size = int(np.prod(extent)) * dtype.itemsize
    with tempfile.TemporaryFile(dir=scratch) as kept:
        for z, c in product(range(n_sections), range(n_channels)):
            kept.seek((c * n_sections + z) * size)
            kept.write(np.ascontiguousarray(array[c, z], dtype=dtype).data)
        kept.seek(0)
        for _ in range(n_channels * n_sections):
            yield np.frombuffer(kept.read(size), dtype).reshape(extent)
