"""Reading WEBKNOSSOS datasets: layers in zarr, or in the older wkw files through the library ``wkw``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.axes import PlacedStack, split_channels
from napari_emseg.io.choice import choose
from napari_emseg.io.extras import required
from napari_emseg.io.magic import PROPERTIES
from napari_emseg.io.memory import refuse_large_pieces
from napari_emseg.io.opened import Opened
from napari_emseg.io.units import coarse_offset, nanometres_per, valid_spacing
from napari_emseg.io.zarr_codecs import refuse_unsafe_codecs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.io.paths import DataPath

ELEMENTS = {"float": "float32", "double": "float64"}
_PROPERTIES_BYTES = 16 << 20
_AGAIN = "copy or export it again"


class WkZarrStack(PlacedStack):
    """One channel of one magnification of a layer in zarr."""

    def __init__(self, folder: Path, **layout: Any) -> None:
        super().__init__(**layout)
        self._folder = folder

    def open(self) -> Any:
        """The array, which also holds what lies around the volume."""
        import zarr

        return zarr.open_array(self._folder, mode="r")


class WkwStack(PlacedStack):
    """One channel of one magnification of a layer in wkw files, with axes c, x, y, z."""

    def __init__(self, folder: Path, **layout: Any) -> None:
        super().__init__(**layout)
        self._folder = folder

    def open(self) -> Any:
        """The open dataset."""
        return required("wkw", "webknossos", self.where).Dataset.open(str(self._folder))

    def take(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """Read from the blocks that the key touches."""
        channel, *space = key
        with self._lock:
            if self._opened is None:
                self._opened = self.open()
            found = self._opened.read([s.start for s in space], [s.stop - s.start for s in space])
        values: NDArray[Any] = np.asarray(found)[channel]
        return values


def read_webknossos(where: DataPath) -> Opened:
    """Open one layer of a dataset: the only one, or ``dataset::layer``; ``dataset::layer/2-2-1`` for a coarser one.

    Raises
    ------
    EmsegError
        If the description is damaged, the layer is missing or ambiguous, or its library is not installed.
    """
    layers, scale = _layers(where)
    names = {str(layer["name"]): _extent(layer) for layer in layers}
    wanted, _, mag = where.inner.partition("/") if where.inner not in names else (where.inner, "", "")
    name = wanted if wanted in names else choose(names, where)
    layer = next(layer for layer in layers if str(layer["name"]) == name)
    return _opened(layer, _mag(layer, mag, where), scale, where)


def _layers(where: DataPath) -> tuple[list[dict[str, Any]], Any]:
    """Layers, and the voxel size (x, y, z) in nm or None."""
    file = where.path / PROPERTIES
    try:
        if file.stat().st_size > _PROPERTIES_BYTES:
            raise ValueError("too long")
        said = json.loads(file.read_text("utf-8"))
        layers = [
            layer for layer in said["dataLayers"] if {"name", "boundingBox", "dataFormat"} <= set(layer)
        ]
        scale = said.get("scale")
        if isinstance(scale, dict):
            factor = nanometres_per(str(scale.get("unit", "nanometer")))
            return layers, None if factor is None else np.asarray(scale["factor"], dtype=float) * factor
        return layers, None if scale is None else np.asarray(scale, dtype=float)  # older files: nm
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EmsegError(f"its {PROPERTIES} cannot be understood", str(where), _AGAIN) from error


def _extent(layer: Mapping[str, Any]) -> tuple[int, int, int]:
    box = layer["boundingBox"]
    return int(box["depth"]), int(box["height"]), int(box["width"])


def _mag(
    layer: Mapping[str, Any], wanted: str, where: DataPath
) -> tuple[Sequence[int], str, Mapping[str, int]]:
    """Magnification (x, y, z), folder and order of axes: the finest, or the one that is asked for."""
    found: dict[str, tuple[list[int], str, Mapping[str, int]]] = {}
    for said in layer.get("mags") or layer.get("wkwResolutions") or ():
        factors = said.get("mag", said.get("resolution"))
        mag = [int(f) for f in factors] if isinstance(factors, list) else [int(factors)] * 3
        text = str(mag[0]) if len(set(mag)) == 1 else "-".join(str(m) for m in mag)
        found[text] = mag, str(said.get("path") or f"./{layer['name']}/{text}"), said.get("axisOrder") or {}
    if not found or (wanted and wanted not in found) or any(min(f[0]) < 1 for f in found.values()):
        raise EmsegError(
            f"there is no magnification {wanted}", str(where), f"choose one of {', '.join(found)}"
        )
    return found[wanted] if wanted else min(found.values(), key=lambda f: f[0])


def _opened(
    layer: Mapping[str, Any],
    chosen: tuple[Sequence[int], str, Mapping[str, int]],
    scale: Any,
    where: DataPath,
) -> Opened:
    mag, path, order = chosen
    folder = (where.path / path.removeprefix("file://")).resolve()
    if not folder.is_relative_to(where.path.resolve()) or not folder.is_dir():
        raise EmsegError(
            f"its layer lies in {path}, which is not in the dataset", str(where), "copy it as a whole"
        )
    corner = [int(n) for n in layer["boundingBox"]["topLeft"]]
    size = [int(layer["boundingBox"][n]) for n in ("width", "height", "depth")]
    first = [c // m for c, m in zip(corner, mag, strict=True)]
    last = [-(-(c + s) // m) for c, s, m in zip(corner, size, mag, strict=True)]
    part = {"start": first[::-1], "shape": [b - a for a, b in zip(first, last, strict=True)][::-1]}
    if min(first) < 0 or min(size) < 1:
        raise EmsegError(f"its bounding box {corner} {size} is wrong", str(where), _AGAIN)
    kind = str(layer["dataFormat"])
    if kind == "wkw":
        array = _wkw(layer, folder, part, where)
    elif kind in ("zarr", "zarr3"):
        array = _zarr(folder, order, part, where)
    else:
        raise EmsegError(f"its layer is stored as {kind!r}", str(where), "download it again from WEBKNOSSOS")
    spacing = None if scale is None else valid_spacing(scale[::-1] * mag[::-1])
    offset = None if spacing is None else coarse_offset(first[::-1], spacing, scale[::-1])
    return Opened(array, spacing, offset, layer.get("category") == "segmentation")


def _zarr(folder: Path, order: Mapping[str, int], part: Mapping[str, Any], where: DataPath) -> Any:
    import zarr

    found = zarr.open_array(folder, mode="r")
    refuse_unsafe_codecs(found, str(where))
    refuse_large_pieces(found.chunks, found.dtype, str(where))
    full = [int(n) for n in found.shape]
    axes = "".join(sorted(order, key=lambda a: order[a])) if order else "cxyz"[-len(full) :]
    extent = dict(zip(axes, full, strict=False))
    reach = [a + n for a, n in zip(part["start"], part["shape"], strict=True)]
    if sorted(axes) != sorted("cxyz"[-len(full) :]) or any(
        r > extent[a] for a, r in zip("zyx", reach, strict=True)
    ):
        raise EmsegError(f"its array {full} does not hold its bounding box", str(where), _AGAIN)
    return split_channels(
        lambda channel: WkZarrStack(
            folder, axes=axes, full=full, dtype=found.dtype, channel=channel, pieces=found.chunks,
            where=str(where), **part,
        ),
        axes, full, str(where),
    )  # fmt: skip


def _wkw(layer: Mapping[str, Any], folder: Path, part: Mapping[str, Any], where: DataPath) -> Any:
    wkw = required("wkw", "webknossos", str(where))
    with wkw.Dataset.open(str(folder)) as found:
        header = found.header
    full = [int(header.num_channels), *part["shape"][::-1]]
    dtype = np.dtype(header.voxel_type)
    said = str(layer.get("elementClass", dtype.name))
    if header.num_channels == 1 and np.dtype(ELEMENTS.get(said, said)) != dtype:
        raise EmsegError(f"its voxels are {dtype} and not {said}", str(where), _AGAIN)
    edge = int(header.block_len)
    return split_channels(
        lambda channel: WkwStack(
            folder, axes="cxyz", full=full, dtype=dtype, channel=channel, pieces=(full[0], edge, edge, edge),
            where=str(where), **part,
        ),
        "cxyz", full, str(where),
    )  # fmt: skip
