"""Reading zarr 2 and 3: OME-Zarr 0.4 and 0.5 with their levels and labels, and bare arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.axes import PlacedStack, split_channels, stack_axes
from napari_emseg.io.choice import choose
from napari_emseg.io.memory import refuse_large_pieces
from napari_emseg.io.opened import Opened
from napari_emseg.io.zarr_codecs import refuse_unsafe_codecs
from napari_emseg.io.zarr_layout import bare_axes, bare_placement, level_axes, level_path, level_placement

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_emseg.io.paths import DataPath

_LABELS = "labels"
_MOST_NODES = 10_000  # listing more would take minutes: an internal path is needed
_DEPTH = 12


class ZarrStack(PlacedStack):
    """One channel of one zarr array.

    Parameters
    ----------
    path : Path
        The store.
    name : str
        Path of the array in the store; empty for an array at the root.
    """

    def __init__(self, path: Path, name: str, **layout: Any) -> None:
        super().__init__(**layout)
        self._path, self._name = path, name

    def open(self) -> Any:
        """The array."""
        import zarr

        return zarr.open_array(self._path, path=self._name, mode="r")


def read_zarr(where: DataPath) -> Opened:
    """Open the full-resolution level of a multiscale image, a level of it, a label image, or a bare array.

    ``store.zarr::1`` is the level stored as ``1``, ``store.zarr::labels/neurons`` a label image.

    Raises
    ------
    EmsegError
        If the store is damaged, or the array is missing or ambiguous; the choices are listed.
    """
    import zarr

    images: dict[str, dict[str, Any]] = {}
    arrays: dict[str, Any] = {}
    marked: set[str] = set()
    try:
        _walk(zarr.open(where.path, mode="r"), "", images, arrays, marked, str(where))
    except EmsegError:
        raise
    except Exception as error:  # zarr raises anything at all on damaged descriptions
        raise EmsegError(
            "this is no zarr store, or a damaged one", str(where), "copy or export it again"
        ) from error
    name = _chosen(images, arrays, where)
    if name not in arrays:
        raise EmsegError(
            f"its full-resolution level {name} is missing", str(where), "copy or export it again"
        )
    owner = next((g for g, m in images.items() for d in m["datasets"] if level_path(g, d) == name), None)
    return _opened(where, name, arrays[name], owner, images, is_label=owner in marked)


def _opened(
    where: DataPath,
    name: str,
    array: Any,
    owner: str | None,
    images: Mapping[str, dict[str, Any]],
    *,
    is_label: bool,
) -> Opened:
    refuse_unsafe_codecs(array, str(where))
    refuse_large_pieces(array.chunks, array.dtype, str(where))
    full = tuple(int(n) for n in array.shape)
    if owner is None:
        axes = stack_axes(bare_axes(array), full, array.dtype, str(where))
        spacing, offset = bare_placement(array, axes)
    else:
        axes = stack_axes(level_axes(images[owner]), full, array.dtype, str(where))
        spacing, offset = level_placement(images[owner], name.removeprefix(owner).strip("/"), axes)
    stacks = split_channels(
        lambda channel: ZarrStack(
            where.path, name, axes=axes, full=full, dtype=array.dtype, channel=channel, pieces=array.chunks,
            where=str(where),
        ),
        axes, full, str(where),
    )  # fmt: skip
    in_labels = owner is not None and _LABELS in owner.split("/")[:-1]
    return Opened(stacks, spacing, offset, True if is_label or in_labels else None)


def _chosen(images: Mapping[str, dict[str, Any]], arrays: Mapping[str, Any], where: DataPath) -> str:
    """Path of the array that is meant: the multiscale image before its labels and bare arrays, its full resolution first."""
    if where.inner in arrays:
        return where.inner
    first = {name: level_path(name, multiscale["datasets"][0]) for name, multiscale in images.items()}
    if where.inner in images:
        return first[where.inner]
    prefixes = tuple(f"{name}/" if name else "" for name in images)
    shapes = {name: arrays[path].shape for name, path in first.items() if path in arrays}
    shapes |= {n: a.shape for n, a in arrays.items() if not (prefixes and n.startswith(prefixes))}
    if not where.inner:
        proper = {n: s for n, s in shapes.items() if n in images and _LABELS not in n.split("/")}
        shapes = proper or shapes
    chosen = choose(shapes, where)
    return first.get(chosen, chosen)


def _walk(
    node: Any,
    name: str,
    images: dict[str, dict[str, Any]],
    arrays: dict[str, Any],
    marked: set[str],
    where: str,
) -> None:
    import zarr

    if isinstance(node, zarr.Array):
        if 2 <= node.ndim <= 5 and np.dtype(node.dtype).kind in "buif":
            arrays[name] = node
        return
    if len(arrays) + len(images) > _MOST_NODES or name.count("/") > _DEPTH:
        raise EmsegError("it holds too many arrays to list", where, "open the folder of one image in it")
    attributes = dict(node.attrs)
    ome = attributes.get("ome", attributes)
    multiscales = ome.get("multiscales") if isinstance(ome, dict) else None
    if multiscales and multiscales[0].get("datasets"):
        images[name] = multiscales[0]
    if isinstance(ome, dict) and "image-label" in ome:
        marked.add(name)
    for key, child in node.members():
        _walk(child, f"{name}/{key}" if name else key, images, arrays, marked, where)
