"""Writing N5: a multiscale group as Paintera, N5 Viewer and Neuroglancer read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.levels import Extent, Level, Reordered, fit_unit, write_levels
from napari_emseg.io.magic import ATTRIBUTES
from napari_emseg.io.pyramid import level_factors
from napari_emseg.io.tensorstack import TensorSink, open_tensor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.source import Source

_BLOCK = (32, 128, 128)
_VERSION = "2.5.1"
_TYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64")


def write_n5(
    path: Path, array: Source, spacing_nm: Spacing | None, axes: str, metadata: Mapping[str, Any] | None
) -> None:
    """Write levels ``s0``, ``s1`` ... with gzip, and voxel size and position (``offset``, nm) at the top.

    Parameters
    ----------
    path : Path
        Folder to make.
    array : Source (z, y, x) or (c, z, y, x)
        Read part by part.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x).
    axes : {"zyx", "czyx"}
        What the axes are.
    metadata : mapping or None
        Provenance, stored under ``napari_emseg``.

    Raises
    ------
    EmsegError
        If N5 has no such type of values, or tensorstore is not installed.
    """
    if array.dtype.name not in _TYPES:
        raise EmsegError(f"N5 holds no {array.dtype} values", str(path), "use --dtype float32")
    factors = level_factors(array.shape[-3:], spacing_nm, array.options.levels)
    order = axes[::-1]
    total = np.ones(3, int)
    path.mkdir(parents=True)

    def create(i: int, shape: Extent) -> Level:
        nonlocal total
        total = total * (factors[i - 1] if i else 1)
        unit = fit_unit(_BLOCK, shape)
        meta = {
            "dimensions": [*shape[::-1], *array.shape[:-3]],
            "blockSize": [*unit[::-1], *(1 for _ in array.shape[:-3])],
            "dataType": array.dtype.name,
            "compression": {"type": "gzip"},
        }
        folder = path / f"s{i}"
        spec = {"driver": "n5", "create": True, "metadata": meta}
        tensor = open_tensor(
            spec | {"kvstore": {"driver": "file", "path": f"{folder.resolve()}/"}}, str(path)
        )
        notes: dict[str, Any] = {
            "downsamplingFactors": [*total[::-1].tolist(), *(1 for _ in array.shape[:-3])]
        }
        if i == 0:
            notes |= _space(order, spacing_nm, array)
        _note(folder, notes)
        return Level(Reordered(TensorSink(tensor), order), unit)

    largest = write_levels(array, factors, create)
    top: dict[str, Any] = {"n5": _VERSION, "multiScale": True, **_space(order, spacing_nm, array)}
    if array.is_labels:
        _note(path / "s0", {"maxId": largest})
        top["maxId"] = largest
    if metadata:
        top["napari_emseg"] = dict(metadata)
    _note(path, top)


def _space(order: str, spacing_nm: Spacing | None, array: Source) -> dict[str, Any]:
    """Axes, voxel size and position, the fastest axis first."""
    many = len(order) - 3
    found: dict[str, Any] = {"axes": list(order)}
    if spacing_nm:
        found |= {"units": ["nm"] * 3 + [""] * many, "resolution": [*spacing_nm[::-1], *(1.0,) * many]}
    if array.offset_nm:
        found["offset"] = [*array.offset_nm[::-1], *(0.0,) * many]
    return found


def _note(folder: Path, more: Mapping[str, Any]) -> None:
    file = folder / ATTRIBUTES
    found = json.loads(file.read_text("utf-8")) if file.exists() else {}
    file.write_text(json.dumps(found | dict(more), default=str), "utf-8")
