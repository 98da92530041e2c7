"""What the manifest names for annotations: skeletons, synaptic sites and VAST exports as napari calls them."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.annotations import (
    CREMI_INNER,
    annotation_layers,
    annotations_from_layer,
    write_annotations,
)
from napari_emseg.io.cremi import file_spacing, opened
from napari_emseg.io.cremi_layers import cleft_labels
from napari_emseg.io.opening import open_volume
from napari_emseg.io.paths import parse_path
from napari_emseg.io.refusing import refusing
from napari_emseg.io.skeleton_layers import OURS
from napari_emseg.io.vast import VastStack, label_look
from napari_emseg.io.writing import check_new

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_emseg.io.skeleton_layers import LayerData

_LABELS = "volumes/labels/"
_UINT32 = 2**32


def read_annotation_layers(path: str | list[str]) -> list[LayerData]:
    """Open a file of annotations as Points and Shapes layers, in nanometres."""
    return annotation_layers(path[0] if isinstance(path, list) else path)


def is_cremi_file(path: Path) -> bool:
    """Whether an HDF5 file holds the volumes of CREMI or its annotations, so that all of it can be shown."""
    try:
        with refusing(path), opened(path) as file:
            return "annotations/locations" in file or ("volumes/raw" in file and "volumes/labels" in file)
    except EmsegError:
        return False


def read_cremi_layers(path: str | list[str]) -> list[LayerData]:
    """Open everything in a CREMI file: image, neurons, clefts without what is to be ignored, synaptic sites."""
    name = path[0] if isinstance(path, list) else path
    file = parse_path(name).path
    with opened(file) as content:
        inside = [n for n in ("raw", "labels/neuron_ids", "labels/clefts") if f"volumes/{n}" in content]
        has_sites = "annotations" in content
    layers: list[LayerData] = []
    for inner in inside:
        layers += _volume_layers(file, f"volumes/{inner}")
    if has_sites:
        layers += annotation_layers(f"{file}::{CREMI_INNER}")
    return layers


def _volume_layers(file: Path, inner: str) -> list[LayerData]:
    uri = f"{file.resolve()}::{inner}"
    volume = open_volume(f"{file}::{inner}")
    spacing = volume.spacing_nm or file_spacing(file)
    options: dict[str, Any] = {
        "name": f"{file.stem} {inner.rpartition('/')[2]}", "axis_labels": ("z", "y", "x"),
        "metadata": {OURS: {"uri": uri}},
    }  # fmt: skip
    if spacing:
        options |= {"scale": spacing, "units": ("nm",) * 3, "translate": volume.offset_nm or (0.0, 0.0, 0.0)}
    if not inner.startswith(_LABELS):
        return [(volume.array, options, "image")]
    if not inner.endswith("clefts"):
        return [(_narrow(volume.array), options, "labels")]
    labels, ignore = cleft_labels(volume.array)
    layers: list[LayerData] = [(labels, options, "labels")]
    if ignore.any():
        more = options | {"name": f"{options['name']} to ignore", "opacity": 0.3}
        layers.append((ignore.view(np.uint8), more, "labels"))
    return layers


def _narrow(labels: Any) -> NDArray[Any]:
    """Labels in memory, in 32 bits where that holds all ids: they are painted on, and half as large."""
    sections = [np.asarray(labels[z]) for z in range(labels.shape[0])]
    fits = all(int(s.max(initial=0)) < _UINT32 for s in sections)
    return np.stack([s.astype(np.uint32) for s in sections] if fits else sections)


def say_notes(array: Any) -> None:
    """Tell what is to be known of a stack: napari shows the warnings of a reader as notifications."""
    for note in getattr(array, "notes", ()):
        warnings.warn(note, stacklevel=2)


def label_extras(array: Any, uri: str = "") -> dict[str, Any]:
    """Options of a Labels layer: colours and names where the labels bring them."""
    if isinstance(array, VastStack) and array.table is not None:
        return label_look(array.table) | {"metadata": {OURS: {"uri": uri, "vast": array.table}}}
    return {}


def write_points(path: str, data: Any, meta: Mapping[str, Any]) -> list[str]:
    """Save a Points layer as skeletons or synaptic sites; the suffix decides the format."""
    return _write(path, data, meta, "points")


def write_shapes(path: str, data: Any, meta: Mapping[str, Any]) -> list[str]:
    """Save the paths of a Shapes layer as skeletons, or its lines as synaptic partners."""
    return _write(path, data, meta, "shapes")


def _write(path: str, data: Any, meta: Mapping[str, Any], kind: str) -> list[str]:
    check_new(path)
    write_annotations(path, annotations_from_layer(data, dict(meta), kind, path))
    return [os.fspath(Path(path))]


def write_vast_labels(path: str, data: Any, meta: Mapping[str, Any]) -> list[str]:
    """Save a Labels layer as a folder that VAST imports; names and colours that it came with are kept."""
    from napari_emseg.io.atomic import atomic_output
    from napari_emseg.io.vast_table import VastTable
    from napari_emseg.io.vast_writing import VastExport, write_vast

    ours = dict(meta.get("metadata", {})).get(OURS, {})
    table = ours.get("vast") if isinstance(ours, dict) else None
    array = data[0] if isinstance(data, (list, tuple)) else data
    array = np.asarray(array)[None] if len(array.shape) == 2 else array
    from napari_emseg.io.napari_hooks import layer_spacing

    check_new(path)
    spacing = layer_spacing(meta)
    with atomic_output(Path(path)) as place:
        write_vast(place, array, spacing, VastExport(table=table if isinstance(table, VastTable) else None))
    return [os.fspath(Path(path))]
