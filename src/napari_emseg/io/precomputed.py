"""Neuroglancer precomputed volumes: images and segmentations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.words import some_of
from napari_emseg.io.axes import split_channels
from napari_emseg.io.extras import required
from napari_emseg.io.magic import INFO
from napari_emseg.io.memory import refuse_large_pieces
from napari_emseg.io.opened import Opened
from napari_emseg.io.tensorstack import EXTRA, TensorStack
from napari_emseg.io.units import coarse_offset, valid_spacing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_emseg.io.paths import DataPath

_NAMED = 8  # in an error


AXES = "xyzc"
_INFO_BYTES = 16 << 20


def is_precomputed(info: Any) -> bool:
    """Whether the content of a file ``info`` describes a volume."""
    return isinstance(info, dict) and isinstance(info.get("scales"), list) and "data_type" in info


def read_info(where: DataPath) -> dict[str, Any]:
    """The description of a volume.

    Raises
    ------
    EmsegError
        If it cannot be understood.
    """
    file = where.path / INFO
    try:
        if file.stat().st_size > _INFO_BYTES:
            raise ValueError("too long")
        info = json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise EmsegError("its info file cannot be understood", str(where), "copy it again") from error
    if not is_precomputed(info) or not info["scales"]:
        raise EmsegError("its info file describes no volume", str(where), "give the folder of a volume")
    found: dict[str, Any] = info
    return found


def read_precomputed(where: DataPath) -> Opened:
    """Open one scale of a volume: the finest, or what the internal path names by its key or number.

    Raises
    ------
    EmsegError
        If the description is damaged or names places outside the folder, or tensorstore is not installed.
    """
    info = read_info(where)
    required("tensorstore", EXTRA, str(where))
    index = _index(info["scales"], where)
    scale = info["scales"][index]
    if ".." in str(scale["key"]).split("/") or str(scale["key"]).startswith("/"):
        raise EmsegError("its chunks lie outside its folder", str(where), "copy the volume as a whole")
    dtype = np.dtype(str(info["data_type"]))
    full = (*(int(n) for n in scale["size"]), int(info.get("num_channels", 1)))
    pieces = (*(int(n) for n in scale["chunk_sizes"][0]), full[3])
    refuse_large_pieces(pieces, dtype, str(where))
    if len(full) != 4 or len(pieces) != 4 or dtype.kind not in "uif":
        raise EmsegError("its info file cannot be understood", str(where), "copy it again")
    spec = {
        "driver": "neuroglancer_precomputed",
        "open": True,
        "scale_index": index,
        "kvstore": {"driver": "file", "path": f"{where.path.resolve()}/"},
    }
    array = split_channels(
        lambda channel: TensorStack(
            spec, axes=AXES, full=full, dtype=dtype, channel=channel, pieces=pieces, where=str(where)
        ),
        AXES, full, str(where),
    )  # fmt: skip
    resolution = np.asarray(scale["resolution"], dtype=float)[::-1]
    begin = np.asarray(scale.get("voxel_offset", (0, 0, 0)), dtype=float)[::-1]
    offset = coarse_offset(begin, resolution, _finest(info["scales"]))
    return Opened(array, valid_spacing(resolution), offset, info.get("type") == "segmentation")


def _finest(scales: Sequence[Mapping[str, Any]]) -> Any:
    """Voxel size (z, y, x) in nm of the finest scale, which comes first."""
    return np.asarray(scales[0]["resolution"], dtype=float)[::-1]


def _index(scales: Sequence[Mapping[str, Any]], where: DataPath) -> int:
    if not where.inner:
        return 0
    keys = [str(scale["key"]) for scale in scales]
    if where.inner in keys:
        return keys.index(where.inner)
    if where.inner.isdigit() and int(where.inner) < len(scales):
        return int(where.inner)
    raise EmsegError(
        f"there is no scale {where.inner}",
        str(where),
        f"choose 0 to {len(scales) - 1} or {some_of(keys, _NAMED)}",
    )
