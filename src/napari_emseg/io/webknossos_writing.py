"""Writing WEBKNOSSOS datasets of one layer, as zarr 3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.io.grid import voxel_grid
from napari_emseg.io.levels import Extent, Level, Reordered, write_levels
from napari_emseg.io.magic import PROPERTIES
from napari_emseg.io.webknossos import ELEMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.source import Source

_CHUNK = 32
_SHARD: Extent = (64, 256, 256)
_AXES = "cxyz"
_TYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64")


def write_webknossos(
    path: Path,
    array: Source,
    spacing_nm: Spacing | None,
    axes: str,  # noqa: ARG001 - all writers take the same
    metadata: Mapping[str, Any] | None,
) -> None:
    """Write a dataset with one layer, ``color`` or ``segmentation``, and coarser magnifications.

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
        Provenance, stored in ``provenance.json``.

    Raises
    ------
    EmsegError
        If the voxel size is unknown, the offset is negative or no whole number of voxels, or the values cannot
        be held.
    """
    import zarr

    size_nm, begin, factors = voxel_grid(
        array, spacing_nm, path, name="WEBKNOSSOS", types=_TYPES, instead="float32", least=0
    )
    layer = "segmentation" if array.is_labels else "color"
    channels = int(np.prod(array.shape[:-3]))
    zarr.open_group(path, mode="w-", zarr_format=3)
    group = zarr.open_group(path / layer, mode="w-", zarr_format=3)
    mags: list[dict[str, Any]] = []
    total = np.ones(3, int)

    def create(i: int, shape: Extent) -> Level:
        nonlocal total
        total = total * (factors[i - 1] if i else 1)
        mag = [int(t) for t in total[::-1]]
        name = str(mag[0]) if len(set(mag)) == 1 else "-".join(str(m) for m in mag)
        first = [b // int(t) for b, t in zip(begin, total, strict=True)]
        reach = [-(-(b + n) // s) * s for b, n, s in zip(first, shape, _SHARD, strict=True)]
        level = group.create_array(
            name, shape=(channels, *reach[::-1]), dtype=array.dtype.name, chunks=(1, _CHUNK, _CHUNK, _CHUNK),
            shards=(1, *_SHARD[::-1]), dimension_names=tuple(_AXES), fill_value=0,
        )  # fmt: skip
        order = {a: n for n, a in enumerate(_AXES)}
        mags.append({"mag": mag, "path": f"./{layer}/{name}", "axisOrder": order})
        return Level(Reordered(level, _AXES, first), _SHARD)

    largest = write_levels(array, factors, create)
    depth, height, width = array.shape[-3:]
    described: dict[str, Any] = {
        "name": layer,
        "category": layer,
        "boundingBox": {"topLeft": list(begin[::-1]), "width": width, "height": height, "depth": depth},
        "dataFormat": "zarr3",
        "mags": mags,
        "numChannels": channels,
        "elementClass": {v: k for k, v in ELEMENTS.items()}.get(array.dtype.name, array.dtype.name),
    }
    if array.is_labels:
        described["largestSegmentId"] = largest
    properties = {
        "id": {"name": array.name, "team": ""},
        "scale": {"factor": list(size_nm[::-1]), "unit": "nanometer"},
        "dataLayers": [described],
        "version": 1,
    }
    (path / PROPERTIES).write_text(json.dumps(properties, indent=1), "utf-8")
    if metadata:
        (path / "provenance.json").write_text(json.dumps(dict(metadata), default=str), "utf-8")
