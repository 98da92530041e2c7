"""What the manifest names: readers, writers and samples as napari calls them, without importing napari."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.project import is_project
from napari_emseg.io.annotation_hooks import (
    is_cremi_file,
    label_extras,
    read_annotation_layers,
    read_cremi_layers,
    say_notes,
)
from napari_emseg.io.annotations import detect_annotations
from napari_emseg.io.choice import SeveralArrays
from napari_emseg.io.for_the_eye import Forgiving
from napari_emseg.io.lazy import LazyChannels, LazyStack
from napari_emseg.io.memory import most_at_once
from napari_emseg.io.opening import detect_format, open_image, open_volume
from napari_emseg.io.origin import origin
from napari_emseg.io.packed import PackedStack
from napari_emseg.io.paths import DataPath, parse_path, with_channel
from napari_emseg.io.saving_over import refuse_losing
from napari_emseg.io.sections_folder import FILLED
from napari_emseg.io.units import nanometres_per
from napari_emseg.io.writing import check_output, write_array

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_emseg.core.stack import ImageStack, Spacing
    from napari_emseg.io.opened import Offset

_MOST_LAYERS = 8  # arrays of one file that are shown at once
LayerData = tuple[Any, dict[str, Any], str]


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """Say whether we read this path; napari asks before it opens one.

    Returns
    -------
    callable or None
        Gives layers for the path; None where another reader should try.
    """
    if isinstance(path, list):
        if len(path) != 1:
            return None
        path = path[0]
    where = parse_path(path)
    if detect_annotations(where) not in (None, "log"):
        return read_annotation_layers
    try:
        kind = detect_format(where.path)
    except EmsegError:
        return None
    if kind == "hdf5" and not where.inner and is_cremi_file(where.path):
        return read_cremi_layers
    return read_layers


def read_layers(path: str | list[str]) -> list[LayerData]:
    """Open a path as layers with scale in nanometres: ids as labels, anything else as images."""
    name = path[0] if isinstance(path, list) else path
    where = parse_path(name)
    if is_project(where.path):
        raise EmsegError(
            "this is a project", str(where), "open it in the panel EM proofreading, with Open a folder"
        )
    try:
        opened = open_volume(name)
    except SeveralArrays as error:
        if len(error.arrays) > _MOST_LAYERS:
            raise
        shown = [FILLED] if error.kind == "sections" else error.arrays
        return [layer for inner in shown for layer in read_layers(f"{error.path}::{inner}")]
    array, spacing, offset = opened.array, opened.spacing_nm, opened.offset_nm
    here = DataPath(where.path.resolve(), where.inner)
    parts = array.channels if isinstance(array, LazyChannels) else (array,)
    is_ids = opened.holds_ids and array.dtype.kind in "ui"
    say_notes(array)
    if len(parts) == 1 and not is_ids:
        return [image_layer(open_image(name))]
    layers: list[LayerData] = []
    for i, part in enumerate(parts):
        title = where.name if len(parts) == 1 else f"{where.name} {i}"
        uri = str(here if len(parts) == 1 else with_channel(here, i))
        options = {"name": title, **_placement(spacing, offset), "metadata": {"napari-emseg": {"uri": uri}}}
        options |= label_extras(part, uri)
        # Labels are painted on: they are in memory until a project holds them, unless they do not fit there.
        fits = part.nbytes <= most_at_once() // 2
        layers.append(
            (np.asarray(part) if fits else _for_the_eye(part), options, "labels")
            if is_ids
            else (_for_the_eye(part), options, "image")
        )
    return layers


def image_layer(stack: ImageStack) -> LayerData:
    """An image layer for a stack; its metadata say how to open the stack again."""
    ours = {"uri": stack.uri, "spacing_source": stack.spacing_source}
    placed = _placement(stack.spacing_nm, stack.offset_nm)
    options = {"name": stack.name, **placed, "metadata": {"napari-emseg": ours}}
    return _for_the_eye(stack.data), options, "image"


def _for_the_eye(array: Any) -> Any:
    """What is read when it is looked at may be gone by then: that is one sentence, and no traceback."""
    return Forgiving(array) if isinstance(array, LazyStack) and not isinstance(array, PackedStack) else array


def _placement(spacing: Spacing | None, offset: Offset | None = None) -> dict[str, Any]:
    placed: dict[str, Any] = {"axis_labels": ("z", "y", "x")}
    if spacing:
        placed |= {"scale": spacing, "units": ("nm", "nm", "nm")}
        if offset:
            placed["translate"] = offset
    return placed


def write_image(path: str, data: Any, meta: Mapping[str, Any]) -> list[str]:
    """Save an image layer; the suffix decides the format."""
    return _write(path, data, meta, is_labels=False)


def write_labels(path: str, data: Any, meta: Mapping[str, Any]) -> list[str]:
    """Save a labels layer; the suffix decides the format."""
    return _write(path, data, meta, is_labels=True)


def _write(path: str, data: Any, meta: Mapping[str, Any], *, is_labels: bool) -> list[str]:
    array: Any = data[0] if isinstance(data, (list, tuple)) else data  # a pyramid: its full resolution
    # For the canvas it is black where it cannot be read, but not in a file.
    array = getattr(array, "stack", array)
    if len(array.shape) == 2:
        array = np.asarray(array)[None]
    axes = "zyx" if len(array.shape) == 3 else "czyx"
    uri = dict(meta.get("metadata", {})).get("napari-emseg", {}).get("uri")
    check_output(path)
    refuse_losing(path, one_array=True)
    write_array(
        path, array, spacing_nm=layer_spacing(meta), axes=axes,
        metadata=origin("save", *([uri] if uri else []), layer=meta.get("name", "")),
        offset_nm=layer_offset(meta), is_labels=is_labels,
    )  # fmt: skip
    return [os.fspath(Path(path))]


def layer_spacing(meta: Mapping[str, Any]) -> Spacing | None:
    """Voxel size of a layer in nm; a layer in pixels has none."""
    scale, units = tuple(meta.get("scale", ())), tuple(meta.get("units", ()))
    factors = [nanometres_per(str(u)) for u in units]
    sizes = [float(s) * f for s, f in zip(scale, factors, strict=False) if f is not None]
    return (sizes[-3], sizes[-2], sizes[-1]) if len(sizes) >= 3 else None


def layer_offset(meta: Mapping[str, Any]) -> Offset | None:
    """Position of a layer in nm; None for a layer in pixels, and for one that was not moved."""
    places, units = tuple(meta.get("translate", ())), tuple(meta.get("units", ()))
    factors = [nanometres_per(str(u)) for u in units]
    found = [float(p) * f for p, f in zip(places, factors, strict=False) if f is not None]
    return (found[-3], found[-2], found[-1]) if len(found) >= 3 and any(found[-3:]) else None


def sample_phantom() -> list[LayerData]:
    """Open the synthetic stack."""
    return [image_layer(open_image("sample:phantom"))]


def sample_vnc() -> list[LayerData]:
    """Open the fly nerve cord stack."""
    return [image_layer(open_image("sample:vnc"))]
