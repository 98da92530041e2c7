"""OME-Zarr: reading versions 0.4 and 0.5, writing 0.5. Bare zarr arrays are read too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.choice import choose
from napari_emseg.io.lazy import LazyArray, LazyChannels, LazyStack, voxel_type
from napari_emseg.io.units import nanometres_per, valid_spacing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region
    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.paths import DataPath

VERSION = "0.5"
_CHUNK = (1, 512, 512)


class ZarrStack(LazyStack):
    """One channel of one zarr array.

    Parameters
    ----------
    path : Path
        The store.
    name : str
        Path of the array in the store; empty for an array at the root.
    axes : str
        Axes of the array, for instance "zyx", "czyx", "tczyx".
    full : tuple of int
        Its shape.
    channel : int
        Which channel, where there are several.
    """

    def __init__(
        self, path: Path, name: str, axes: str, full: tuple[int, ...], dtype: np.dtype[Any], channel: int = 0
    ) -> None:
        extent = dict(zip(axes, full, strict=True))
        super().__init__([extent.get(a, 1) for a in "zyx"], dtype)
        self._path, self._name, self._axes, self._channel = path, name, axes, channel
        self._array: Any = None

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box from the chunks that it touches."""
        if self._array is None:
            import zarr

            self._array = zarr.open_array(str(self._path), path=self._name, mode="r")
        z, y, x = region.slices
        part = {"z": z, "y": y, "x": x, "c": self._channel}
        return np.asarray(self._array[tuple(part.get(a, 0) for a in self._axes)]).reshape(region.shape)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_array": None}


def read_zarr(where: DataPath) -> tuple[LazyArray, Spacing | None]:
    """Open the full-resolution level of a multiscale image, or a bare array.

    Raises
    ------
    EmsegError
        If the store is damaged, or the array is missing or ambiguous; the choices are listed.
    """
    import zarr

    try:
        node = zarr.open(str(where.path), mode="r")
        images: dict[str, dict[str, Any]] = {}
        arrays: dict[str, Any] = {}
        _walk(node, "", images, arrays)
    except (ValueError, KeyError, FileNotFoundError) as error:
        raise EmsegError(
            "this is no zarr store, or a damaged one", str(where), "copy or export it again"
        ) from error
    if where.inner in arrays:
        name = where.inner
    elif where.inner in images:
        name = _first_level(images[where.inner], where.inner)
    else:
        levels = {f"{n}/" if n else "" for n in images}
        bare = {n: a.shape for n, a in arrays.items() if not any(n.startswith(p) for p in levels)}
        chosen = choose({**{n: arrays[_first_level(m, n)].shape for n, m in images.items()}, **bare}, where)
        name = _first_level(images[chosen], chosen) if chosen in images else chosen
    if name not in arrays:
        raise EmsegError(
            f"its full-resolution level {name} is missing", str(where), "copy or export it again"
        )
    array = arrays[name]
    owner = name.rpartition("/")[0]
    axes, spacing = _axes_and_spacing(array, images.get(owner), name)
    full = tuple(int(n) for n in array.shape)
    if any(n > 1 for a, n in zip(axes, full, strict=True) if a not in "czyx"):
        raise EmsegError(f"its axes are {axes} {full}", str(where), "give axes (z, y, x) or (c, z, y, x)")
    n = full[axes.index("c")] if "c" in axes else 1
    stacks = [ZarrStack(where.path, name, axes, full, array.dtype, c) for c in range(n)]
    if not stacks:
        raise EmsegError(f"it holds no voxels {full}", str(where), "export it again")
    return (stacks[0] if n == 1 else LazyChannels(stacks)), spacing


def _walk(node: Any, name: str, images: dict[str, dict[str, Any]], arrays: dict[str, Any]) -> None:
    import zarr

    if isinstance(node, zarr.Array):
        if 2 <= node.ndim <= 5 and np.dtype(node.dtype).kind in "buif":
            arrays[name] = node
        return
    attributes = dict(node.attrs)
    multiscales = attributes.get("ome", attributes).get("multiscales")
    if multiscales:
        images[name] = multiscales[0]
    for key, child in node.members():
        _walk(child, f"{name}/{key}" if name else key, images, arrays)


def _first_level(multiscale: Mapping[str, Any], group: str) -> str:
    path = str(multiscale["datasets"][0]["path"])
    return f"{group}/{path}" if group else path


def _axes_and_spacing(
    array: Any, multiscale: Mapping[str, Any] | None, name: str
) -> tuple[str, Spacing | None]:
    """Axes as letters, and the voxel size of this level, of an OME multiscale image or a bare array."""
    if multiscale is None:
        spacing = valid_spacing(array.attrs.get("resolution", array.attrs.get("spacing_nm")))
        return "tczyx"[-array.ndim :], spacing
    axes: list[dict[str, Any]] = [
        a if isinstance(a, dict) else {"name": a} for a in multiscale.get("axes", "tczyx"[-array.ndim :])
    ]
    letters = "".join(str(a["name"]) for a in axes)
    scale = np.ones(array.ndim)
    level: Mapping[str, Any] = next(
        (d for d in multiscale["datasets"] if str(d["path"]) == name.rpartition("/")[2]), {}
    )
    for transforms in (level.get("coordinateTransformations"), multiscale.get("coordinateTransformations")):
        for transform in transforms or ():
            if transform.get("type") == "scale":
                scale *= np.asarray(transform["scale"], dtype=float)
    found = {}
    for axis, size in zip(axes, scale, strict=True):
        factor = nanometres_per(axis.get("unit"))
        if factor is not None:
            found[str(axis["name"])] = float(size) * factor
    return letters, valid_spacing([found[a] for a in "zyx"]) if all(a in found for a in "zyx") else None


def ome_attributes(name: str, axes: str, spacing_nm: Spacing | None) -> dict[str, Any]:
    """OME-Zarr 0.5 attributes of a single-level image with array ``0``.

    Where the voxel size is unknown the axes carry no unit.
    """
    described: list[dict[str, str]] = [{"name": "c", "type": "channel"}] if axes == "czyx" else []
    for letter in "zyx":
        unit = {"unit": "nanometer"} if spacing_nm else {}
        described.append({"name": letter, "type": "space", **unit})
    scale = [*(1.0,) * (len(axes) - 3), *(spacing_nm or (1.0, 1.0, 1.0))]
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
    return {
        "ome": {"version": VERSION, "multiscales": [{"name": name, "axes": described, "datasets": [level]}]}
    }


def write_zarr(
    path: Path, array: Any, spacing_nm: Spacing | None, axes: str, metadata: Mapping[str, Any] | None
) -> None:
    """Write an OME-Zarr 0.5 image with one level, section by section.

    Parameters
    ----------
    path : Path
        Folder to write; it must not exist.
    array : array-like (z, y, x) or (c, z, y, x)
        Only one section is in memory at a time.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x).
    axes : {"zyx", "czyx"}
        What the axes are.
    metadata : mapping or None
        Provenance, stored under attribute ``napari_emseg``.
    """
    import zarr

    attributes: dict[str, Any] = ome_attributes(path.stem, axes, spacing_nm)
    if metadata:
        attributes["napari_emseg"] = dict(metadata)
    shape = tuple(int(n) for n in array.shape)
    group = zarr.open_group(str(path), mode="w-", zarr_format=3, attributes=attributes)
    target = group.create_array(
        "0",
        shape=shape,
        dtype=voxel_type(array.dtype),
        chunks=tuple(min(c, n) for c, n in zip((*(1,) * (len(shape) - 3), *_CHUNK), shape, strict=True)),
        dimension_names=tuple(axes),
    )
    for z in range(shape[-3]):
        if axes == "zyx":
            target[z] = np.asarray(array[z])
        else:
            for c in range(shape[0]):
                target[c, z] = np.asarray(array[c, z])
