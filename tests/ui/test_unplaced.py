"""Volumes without a voxel size lie on the stack beside which they are opened, and leave its slider as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from napari_emseg.io import write_array
from napari_emseg.ui.flows import comparing, opening

if TYPE_CHECKING:
    from pathlib import Path


def place(layer: Any) -> tuple[list[float], list[float], list[str]]:
    return list(layer.scale), list(layer.translate), [str(unit) for unit in layer.units]


def test_labels_that_do_not_say_where_they_lie_lie_on_the_stack(opened: Any) -> None:
    desk = opened.desk
    before = desk.viewer.dims.range
    added = desk.viewer.add_labels(np.ones((6, 48, 64), np.uint8), name="dropped")
    assert place(added) == place(desk.layers.image)
    assert desk.viewer.dims.range == before
    assert desk.section == 2


def test_other_volumes_stay_where_they_are(desk: Any) -> None:
    smaller = desk.viewer.add_labels(np.ones((6, 24, 64), np.uint8))
    moved = desk.viewer.add_labels(np.ones((6, 48, 64), np.uint8), translate=(2, 0, 0))
    known = desk.viewer.add_labels(np.ones((6, 48, 64), np.uint8), scale=(30, 8, 8), units=("nm",) * 3)
    assert list(smaller.scale) == list(moved.scale) == [1, 1, 1]
    assert list(known.scale) == [30, 8, 8]


def test_points_and_shapes_that_are_counted_in_voxels_lie_on_the_stack(desk: Any) -> None:
    before = desk.viewer.dims.range
    table = desk.viewer.add_points(np.array([[0, 0, 0], [5, 47, 63]]))
    drawn = desk.viewer.add_shapes(np.array([[2, 5, 5], [2, 9, 9]]), shape_type="line")
    empty = desk.viewer.add_points(ndim=3, units=("nm",) * 3)  # napari's button, where no layer is chosen
    for added in (table, drawn, empty):
        assert place(added) == place(desk.layers.image)
    assert desk.viewer.dims.range == before
    beside = desk.viewer.add_points(np.array([[0, 0, 0], [6, 47, 63]]))
    known = desk.viewer.add_points(np.array([[0, 0, 0], [5, 47, 63]]), units=("nm",) * 3)
    assert list(beside.scale) == list(known.scale) == [1, 1, 1]


def test_they_wait_until_the_voxel_size_is_known(desk: Any, session: Any) -> None:
    from dataclasses import replace

    layers = desk.layers
    for layer in (layers.image, *layers.overlays):
        layer.scale, layer.units = (1, 1, 1), ("pixel",) * 3
    session.image = replace(session.image, spacing_nm=None, spacing_source="")
    added = desk.viewer.add_labels(np.ones((6, 48, 64), np.uint8))
    assert list(added.scale) == [1, 1, 1]
    opening.set_spacing(desk, (50.0, 4.0, 4.0))
    assert place(added) == place(layers.image) == ([50, 4, 4], [0, 0, 0], ["nanometer"] * 3)


def test_a_file_to_compare_with_lies_on_what_it_is_compared_with(viewer: Any, tmp_path: Path) -> None:
    known = viewer.add_labels(np.ones((6, 48, 64), np.uint8), scale=(40, 8, 8), units=("nm",) * 3)
    write_array(tmp_path / "other.tif", np.ones((6, 48, 64), np.uint8))
    assert place(comparing.open_file(viewer, str(tmp_path / "other.tif"))) == place(known)


def test_a_place_in_nanometres_says_nothing_where_voxels_have_no_size(viewer: Any, tmp_path: Path) -> None:
    known = viewer.add_labels(np.ones((6, 48, 64), np.uint8), scale=(40, 8, 8), units=("nm",) * 3)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.create_dataset("labels", data=np.ones((6, 48, 64), np.uint8)).attrs["offset"] = (0, 800, 800)
    assert place(comparing.open_file(viewer, str(tmp_path / "other.h5"))) == place(known)
