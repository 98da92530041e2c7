"""Reading N5: arrays and multiscale groups (``s0``, ``s1`` ...) of Paintera, N5 Viewer and COSEM."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.axes import split_channels, stack_axes
from napari_emseg.io.choice import choose
from napari_emseg.io.magic import ATTRIBUTES
from napari_emseg.io.memory import refuse_large_pieces
from napari_emseg.io.opened import Opened
from napari_emseg.io.tensorstack import TensorStack
from napari_emseg.io.units import nanometres_per, valid_offset, valid_spacing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.opened import Offset
    from napari_emseg.io.paths import DataPath

FULL = "s0"
_COMPRESSIONS = ("raw", "gzip", "bzip2", "xz", "blosc", "zstd")
_ATTRIBUTES_BYTES = 4 << 20
_MOST_FOLDERS = 20_000
_DEPTH = 8


def read_n5(where: DataPath) -> Opened:
    """Open the only array or multiscale group of an N5 container, or the one that the internal path names.

    Raises
    ------
    EmsegError
        If it is damaged, ambiguous, compressed in an unknown way, or tensorstore is not installed.
    """
    found = dict(_arrays(where))
    groups = {n.rpartition("/")[0] for n in found if n.rpartition("/")[2] == FULL}
    inner = where.inner
    if inner in groups and inner not in found:
        name = f"{inner}/{FULL}".lstrip("/")
    else:
        prefixes = tuple(f"{g}/" if g else "" for g in groups)
        offered = {n: m for n, m in found.items() if not (prefixes and n.startswith(prefixes))}
        shapes = {n: tuple(m["dimensions"][::-1]) for n, m in (found if inner in found else offered).items()}
        shapes |= {g: tuple(found[f"{g}/{FULL}".lstrip("/")]["dimensions"][::-1]) for g in groups}
        name = choose(shapes, where)
        if name in groups:
            name = f"{name}/{FULL}".lstrip("/")
    return _opened(where, name, found[name])


def _opened(where: DataPath, name: str, meta: Mapping[str, Any]) -> Opened:
    said = meta.get("compression", meta.get("compressionType", "raw"))
    compression = said.get("type") if isinstance(said, dict) else said
    if compression not in _COMPRESSIONS:
        raise EmsegError(f"it is compressed with {compression!r}", str(where), "save it with gzip or zstd")
    full = [int(n) for n in meta["dimensions"]]
    dtype = np.dtype(str(meta["dataType"]))
    refuse_large_pieces(meta["blockSize"], dtype, str(where))
    said_axes = meta.get("axes")
    # N5 lists the fastest axis first; our letters go the other way round.
    letters = "".join(str(a) for a in said_axes)[::-1] if isinstance(said_axes, list) else ""
    axes = stack_axes(letters, full[::-1], dtype, str(where))[::-1]
    folder = where.path / name
    spec = {"driver": "n5", "open": True, "kvstore": {"driver": "file", "path": f"{folder.resolve()}/"}}
    array = split_channels(
        lambda channel: TensorStack(
            spec, axes=axes, full=full, dtype=dtype, channel=channel, pieces=meta["blockSize"], where=str(where)
        ),
        axes, full, str(where),
    )  # fmt: skip
    spacing, offset = _placement(where.path, name, axes)
    return Opened(array, spacing, offset, True if _holds_ids(where.path, name, meta) else None)


def _holds_ids(root: Path, name: str, meta: Mapping[str, Any]) -> bool:
    """Whether an array has a highest id; of levels the group says it, or the finest one."""
    if meta.get("maxId") is not None:
        return True
    group, _, level = name.rpartition("/")
    if not (level[:1] == FULL[0] and level[1:].isdigit()):
        return False
    above = root.joinpath(*group.split("/"))
    return any(_attributes(place).get("maxId") is not None for place in (above, above / FULL))


def _placement(root: Path, name: str, axes: str) -> tuple[Spacing | None, Offset | None]:
    """Voxel size and position: the nearest description at or above an array, times its subsampling."""
    parts = [p for p in name.split("/") if p]
    around = [_attributes(root.joinpath(*parts[:n])) for n in range(len(parts), -1, -1)]
    own = around[0]
    if isinstance(own.get("transform"), dict):
        return _cosem(own["transform"])
    keep = [axes.index(a) for a in "zyx" if a in axes]
    factors = np.ones(len(axes))
    if "downsamplingFactors" in own:
        factors = _spread(own["downsamplingFactors"], axes)
    spacing = offset = None
    for meta in around:
        sizes, nanometres = _resolution(meta, axes)
        if sizes is not None and nanometres is not None:
            spacing = valid_spacing((sizes * factors * nanometres)[keep])
            shift = (factors - 1) / 2 * sizes * nanometres
            offset = valid_offset(shift[keep]) if factors.max() > 1 else None
            break
    for meta in around:
        if "offset" not in meta:
            continue
        _, nanometres = _resolution({"resolution": meta["offset"]} | dict(meta), axes)
        if nanometres is not None and (
            place := valid_offset((_spread(meta["offset"], axes) * nanometres)[keep])
        ):
            moved = np.asarray(place) + (offset or (0.0, 0.0, 0.0))
            return spacing, valid_offset(moved)
    return spacing, offset


def _spread(values: Any, axes: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Numbers for the axes of space as numbers for all axes."""
    numbers = np.asarray(values, dtype=float).ravel()
    if numbers.size == len(axes):
        return numbers
    if numbers.size != sum(a in "zyx" for a in axes):
        return np.full(len(axes), np.nan)
    rest = iter(numbers.tolist())
    return np.asarray([next(rest) if a in "zyx" else 1.0 for a in axes])


def _resolution(
    meta: Mapping[str, Any], axes: str
) -> tuple[np.ndarray[Any, np.dtype[np.float64]] | None, np.ndarray[Any, np.dtype[np.float64]] | None]:
    """Sizes along the axes, and nanometres in their units; CREMI's and Paintera's bare ``resolution`` is in nm."""
    said = meta.get("pixelResolution")
    if isinstance(said, dict):
        sizes, unit = said.get("dimensions"), said.get("unit")
    else:
        sizes = said if said is not None else meta.get("resolution")
        unit = meta.get("units", meta.get("unit", "nm"))
    if sizes is None:
        return None, None
    units = unit if isinstance(unit, list) else [unit] * len(sizes)
    factors = [nanometres_per(str(u)) for u in units]
    known = [
        f if f is not None else (np.nan if a in "zyx" else 1.0) for f, a in zip(factors, axes, strict=False)
    ]
    return _spread(sizes, axes), _spread(known, axes)


def _cosem(transform: Mapping[str, Any]) -> tuple[Spacing | None, Offset | None]:
    """The ``transform`` of COSEM's volumes names its axes."""
    try:
        order = [list(transform["axes"]).index(a) for a in "zyx"]
        units = [nanometres_per(str(transform["units"][i])) for i in order]
        if any(u is None for u in units):
            return None, None
        factors = np.asarray(units, dtype=float)
        scale = np.asarray(transform["scale"], dtype=float)[order] * factors
        return valid_spacing(scale), valid_offset(
            np.asarray(transform.get("translate", (0, 0, 0)), dtype=float)[order] * factors
        )
    except (KeyError, TypeError, ValueError, IndexError):
        return None, None


def _attributes(folder: Path) -> dict[str, Any]:
    file = folder / ATTRIBUTES
    try:
        if file.stat().st_size > _ATTRIBUTES_BYTES:
            return {}
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _arrays(where: DataPath) -> Iterator[tuple[str, dict[str, Any]]]:
    """Internal path and description of every array; folders of chunks are not looked into."""
    parts = [p for p in where.inner.split("/") if p]
    if ".." in parts:
        raise EmsegError("this path leaves the container", str(where), "give a path inside it")
    top = where.path.joinpath(*parts)
    if not top.is_dir():
        top = where.path
    for n, (folder, folders, _) in enumerate(os.walk(top)):
        name = os.path.relpath(folder, where.path).replace(os.sep, "/").removeprefix(".")
        if n > _MOST_FOLDERS:
            raise EmsegError("it holds too many folders to search", str(where), "give an internal path")
        meta = _attributes(where.path / name)
        if {"dimensions", "dataType", "blockSize"} <= set(meta):
            folders.clear()
            if 2 <= len(meta["dimensions"]) <= 5:
                yield name, meta
        elif name.count("/") >= _DEPTH:
            folders.clear()
        folders.sort()
