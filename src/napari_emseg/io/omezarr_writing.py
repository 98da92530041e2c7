"""Writing OME-Zarr 0.5 (zarr 3) and 0.4 (zarr 2) with coarser levels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.io.levels import Extent, Level, fit_unit, write_levels
from napari_emseg.io.pyramid import level_factors
from napari_emseg.io.zarr_group import format_around, levels_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.opened import Offset
    from napari_emseg.io.pyramid import Factors
    from napari_emseg.io.source import Source

_CHUNK = (1, 512, 512)
_SHARD = (16, 1024, 1024)  # 16 MB of grey values: few files, and a part of this size is held while writing
_MANY_FILES = 4096


def ome_attributes(
    name: str,
    axes: str,
    spacing_nm: Spacing | None,
    offset_nm: Offset | None = None,
    factors: list[Factors] | None = None,
    *,
    version: str = "0.5",
    is_labels: bool = False,
) -> dict[str, Any]:
    """OME-Zarr attributes of an image with levels ``0``, ``1`` ...

    Where the voxel size is unknown the axes carry no unit. A coarser voxel lies in the middle of those that it
    stands for, so coarser levels are shifted by half a voxel.

    Parameters
    ----------
    name, axes : str
        Name of the image; "zyx" or "czyx".
    spacing_nm, offset_nm : tuple of float or None
        Voxel size and position of the first voxel (z, y, x).
    factors : list of tuple of int, optional
        As `level_factors` gives them; without them there is one level.
    version : str
        Of OME-Zarr.
    is_labels : bool
        Whether the values are object ids.
    """
    many = (1.0,) * (len(axes) - 3)
    described: list[dict[str, str]] = [{"name": "c", "type": "channel"}] if axes == "czyx" else []
    for letter in "zyx":
        unit = {"unit": "nanometer"} if spacing_nm else {}
        described.append({"name": letter, "type": "space", **unit})
    datasets = []
    total = np.ones(3)
    for i, step in enumerate([(1, 1, 1), *(factors or [])]):
        total = total * step
        scale = total * np.asarray(spacing_nm or (1.0, 1.0, 1.0))
        shift = np.asarray(offset_nm or (0.0, 0.0, 0.0)) + (total - 1) / 2 * (spacing_nm or (1.0, 1.0, 1.0))
        transforms: list[dict[str, Any]] = [{"type": "scale", "scale": [*many, *scale.tolist()]}]
        if offset_nm is not None or factors:
            transforms.append(
                {"type": "translation", "translation": [*(0 * m for m in many), *shift.tolist()]}
            )
        datasets.append({"path": str(i), "coordinateTransformations": transforms})
    image: dict[str, Any] = {"name": name, "axes": described, "datasets": datasets}
    if factors:
        image["type"] = "mode" if is_labels else "mean"
    if version == "0.4":
        return {"multiscales": [{"version": version, **image}]}
    return {"ome": {"version": version, "multiscales": [image]}}


def write_zarr(
    path: Path, array: Source, spacing_nm: Spacing | None, axes: str, metadata: Mapping[str, Any] | None
) -> None:
    """Write an OME-Zarr image with coarser levels, part by part.

    Parameters
    ----------
    path : Path
        Folder to write; it must not exist.
    array : Source (z, y, x) or (c, z, y, x)
        Its options say how many levels and which version. Inside a store of zarr 2 the version is 0.4.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x).
    axes : {"zyx", "czyx"}
        What the axes are.
    metadata : mapping or None
        Provenance, stored under attribute ``napari_emseg``.
    """
    import zarr

    version = (
        "0.4" if format_around(path) == 2 else "0.5" if format_around(path) else array.options.ome_version
    )
    is_in_labels = array.is_labels and "labels" in array.inner.split("/")[:-1]
    # A label image has as many levels as the image that it belongs to.
    levels = array.options.levels or (levels_of(path.parent.parent) if is_in_labels else None)
    factors = level_factors(array.shape[-3:], spacing_nm, levels)
    attributes = ome_attributes(
        array.name, axes, spacing_nm, array.offset_nm, factors, version=version, is_labels=array.is_labels
    )
    if is_in_labels:
        holder = attributes.get("ome", attributes)
        extra = {"version": version} if version == "0.4" else {}
        # Readers choose the colours; some validators want the list all the same.
        holder["image-label"] = {**extra, "colors": [], "source": {"image": "../../"}}
    if metadata:
        attributes["napari_emseg"] = dict(metadata)
    group = zarr.open_group(path, mode="w-", zarr_format=2 if version == "0.4" else 3, attributes=attributes)

    def create(i: int, shape: Extent) -> Level:
        return _create(group, str(i), array, shape, axes)

    write_levels(array, factors, create)


def _create(group: Any, name: str, array: Source, shape: Extent, axes: str) -> Level:
    """An empty level."""
    many = (1,) * (len(axes) - 3)
    chunk = fit_unit(_CHUNK, shape)
    n_files = math.prod(-(-n // c) for n, c in zip(shape, chunk, strict=True)) * math.prod(array.shape[:-3])
    unit = chunk
    options: dict[str, Any] = {}
    if group.metadata.zarr_format == 3:
        options["dimension_names"] = tuple(axes)
        if n_files > _MANY_FILES:
            z, y, x = (-(-min(s, n) // c) * c for s, n, c in zip(_SHARD, shape, chunk, strict=True))
            unit = z, y, x
            options["shards"] = (*many, *unit)
    else:
        options["chunk_key_encoding"] = {"name": "v2", "separator": "/"}
    level = group.create_array(
        name, shape=(*array.shape[:-3], *shape), dtype=array.dtype.name, chunks=(*many, *chunk), **options
    )
    return Level(level, unit)
