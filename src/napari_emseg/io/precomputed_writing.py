"""Writing Neuroglancer precomputed volumes: images and segmentations, with coarser scales."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.io.boxes import BUDGET_BYTES
from napari_emseg.io.grid import voxel_grid
from napari_emseg.io.levels import Extent, Level, Reordered, fit_unit, write_levels
from napari_emseg.io.magic import INFO
from napari_emseg.io.precomputed import AXES
from napari_emseg.io.tensorstack import TensorSink, open_tensor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.source import Source

_CHUNK = (64, 64, 64)
_FLAT = (16, 128, 128)  # for sections so large that 64 of them do not fit into memory
_TYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "float32")
_BLOCK = [8, 8, 8]  # of compressed segmentations, as Neuroglancer recommends


def write_precomputed(
    path: Path,
    array: Source,
    spacing_nm: Spacing | None,
    axes: str,  # noqa: ARG001 - all writers take the same
    metadata: Mapping[str, Any] | None,
) -> None:
    """Write a volume: object ids as a compressed segmentation, anything else raw.

    Parameters
    ----------
    path : Path
        Folder to make.
    array : Source (z, y, x) or (c, z, y, x)
        Read part by part.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); the format cannot do without, so None is refused.
    axes : {"zyx", "czyx"}
        What the axes are.
    metadata : mapping or None
        Provenance, stored in the file ``provenance``.

    Raises
    ------
    EmsegError
        If the voxel size is unknown, the offset is no whole number of voxels, or the values cannot be held.
    """
    size_nm, begin, factors = voxel_grid(
        array, spacing_nm, path, name="precomputed", types=_TYPES, instead="float32 or uint64"
    )
    is_compressed = array.is_labels and array.dtype.name in ("uint32", "uint64")
    volume = {
        "type": "segmentation" if array.is_labels else "image",
        "data_type": array.dtype.name,
        "num_channels": int(np.prod(array.shape[:-3])),
    }
    # A chunk holds all channels, so all are written at once where there are several.
    thick = array.shape[-1] * array.shape[-2] * _CHUNK[0] * array.dtype.itemsize
    total = np.ones(3, int)

    def create(i: int, shape: Extent) -> Level:
        nonlocal total
        total = total * (factors[i - 1] if i else 1)
        unit = fit_unit(_FLAT if thick > BUDGET_BYTES else _CHUNK, shape)
        resolution = (np.asarray(size_nm) * total)[::-1].tolist()
        scale = {
            "key": "_".join(f"{r:g}" for r in resolution) + (f"_{i}" if i else ""),
            "size": list(shape[::-1]),
            "resolution": resolution,
            "voxel_offset": [int(b) // int(t) for b, t in zip(begin[::-1], total[::-1], strict=True)],
            "chunk_size": list(unit[::-1]),
            "encoding": "compressed_segmentation" if is_compressed else "raw",
        } | ({"compressed_segmentation_block_size": _BLOCK} if is_compressed else {})
        spec = {
            "driver": "neuroglancer_precomputed",
            "create": True,
            "kvstore": {"driver": "file", "path": f"{path.resolve()}/"},
            "multiscale_metadata": volume,
            "scale_metadata": scale,
            # Other readers take a missing chunk for a broken volume.
            "store_data_equal_to_fill_value": True,
        }
        return Level(Reordered(TensorSink(open_tensor(spec, str(path))), AXES), unit)

    path.mkdir(parents=True)
    write_levels(array, factors, create)
    info = json.loads((path / INFO).read_text("utf-8"))
    (path / INFO).write_text(json.dumps(info, indent=1), "utf-8")
    note = {
        "description": array.name, "owners": [], "sources": [],
        "processing": [{"by": "napari-emseg", "method": dict(metadata or {})}],
    }  # fmt: skip
    (path / "provenance").write_text(json.dumps(note, default=str), "utf-8")
