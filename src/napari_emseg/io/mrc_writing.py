"""Writing MRC volumes."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.boxes import boxes
from napari_emseg.io.mrc import NARROWED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.source import Source

_MODES = {"int8": 0, "int16": 1, "float32": 2, "uint8": 6, "uint16": 6, "float16": 12}
_ANGSTROM = 10.0  # in a nanometre
_LABEL_CHARS = 79


def write_mrc(
    path: Path, array: Source, spacing_nm: Spacing | None, axes: str, metadata: Mapping[str, Any] | None
) -> None:
    """Write a volume with voxel size and origin in ångström.

    Unsigned bytes become 16-bit values: the format has only signed ones. A label tells our reader.

    Parameters
    ----------
    path : Path
        File to write.
    array : Source (z, y, x)
        Read part by part.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x).
    axes : {"zyx"}
        MRC has no channels.
    metadata : mapping or None
        Provenance; what fits is kept in the labels.

    Raises
    ------
    EmsegError
        If there are channels, or the format cannot hold the values.
    """
    import mrcfile

    if axes != "zyx":
        raise EmsegError("an MRC file holds no channels", str(path), "write .zarr, .h5 or .tif")
    if array.dtype.name not in _MODES:
        small = "uint16 where the ids fit" if array.dtype.kind in "ui" else "float32"
        raise EmsegError(
            f"MRC holds no {array.dtype} values",
            str(path),
            f"write .zarr, or use {small} (--dtype in a command)",
        )
    low, high, total, squares = math.inf, -math.inf, 0.0, 0.0
    with mrcfile.new_mmap(str(path), array.shape, mrc_mode=_MODES[array.dtype.name], overwrite=True) as file:
        file.set_volume()
        for box in boxes(array.shape, array.chunks, (1, 1, array.shape[-1]), array.dtype.itemsize):
            values = array[box.slices]
            file.data[box.slices] = values
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            total += float(values.sum(dtype=np.float64))
            squares += float(np.square(values, dtype=np.float64).sum())
        mean = total / max(1, math.prod(array.shape))
        variance = squares / max(1, math.prod(array.shape)) - mean * mean
        header = file.header
        header.dmin, header.dmax, header.dmean, header.rms = low, high, mean, math.sqrt(max(0.0, variance))
        if spacing_nm:
            z, y, x = (s * _ANGSTROM for s in spacing_nm)
            file.voxel_size = (x, y, z)
        if array.offset_nm:
            header.origin.z, header.origin.y, header.origin.x = (o * _ANGSTROM for o in array.offset_nm)
        if array.dtype == np.uint8:
            file.add_label(NARROWED)
        if metadata:
            text = json.dumps(dict(metadata), default=str).encode("ascii", "replace").decode()
            file.add_label(text[:_LABEL_CHARS])
