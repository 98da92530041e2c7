"""Opening a stack, and closing it by its layers; without a window."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.stack import ImageStack
from napari_emseg.io import write_array
from napari_emseg.io.napari_hooks import read_layers
from napari_emseg.session import Session
from napari_emseg.ui.as_stack import spacing_of
from napari_emseg.ui.flows import opening
from napari_emseg.ui.layers import contrast

IMAGE = np.arange(6 * 48 * 64, dtype=np.uint16).reshape(6, 48, 64)


def test_the_layers_carry_scale_units_and_the_volume_itself(desk: Any) -> None:
    layers = desk.layers
    for layer in (layers.image, layers.boundary, layers.labels, layers.seeds):
        assert tuple(layer.scale) == (40, 8, 8)
        assert {str(u) for u in layer.units} == {"nanometer"}
        assert layer.axis_labels == ("z", "y", "x")
    assert layers.labels.data is desk.session.volume
    assert desk.sayings["data"].action == "stage:segment"


def test_the_voxel_size_is_asked_once(desk: Any, stack: Any, tmp_path: Path) -> None:
    bare = replace(stack, spacing_nm=None, spacing_source="unknown")
    folder = tmp_path / "bare.emseg"
    opening.show(desk, Session.open_or_create(bare, folder))
    assert "voxel" in desk.sayings["data"].text
    opening.set_spacing(desk, (30.0, 5.0, 5.0))
    assert tuple(desk.layers.labels.scale) == (30, 5, 5)
    desk.clear()
    again = Session.open_or_create(bare, folder)
    assert (again.image.spacing_nm, again.image.spacing_source) == ((30.0, 5.0, 5.0), "you")
    again.close()


def test_a_voxel_size_leaves_the_section_on_the_screen(desk: Any, stack: Any, tmp_path: Path) -> None:
    bare = replace(stack, spacing_nm=None, spacing_source="unknown")
    opening.show(desk, Session.open_or_create(bare, tmp_path / "bare.emseg"))
    desk.viewer.dims.set_current_step(0, 4)
    for size in ((50.0, 4.6, 4.6), (3.0, 4.6, 4.6)):
        opening.set_spacing(desk, size)
        assert desk.section == 4
        assert desk.viewer.dims.current_step[0] == 4


def test_a_layer_in_micrometres_brings_its_voxel_size(desk: Any) -> None:
    viewer = desk.viewer
    layer = viewer.add_image(np.zeros((3, 8, 8), np.uint8), scale=(0.05, 0.004, 0.004), units=("um",) * 3)
    assert spacing_of(layer) == pytest.approx((50, 4, 4))
    layer = viewer.add_image(np.zeros((3, 8, 8), np.uint8), scale=(2, 1, 1))
    assert spacing_of(layer) is None


def test_a_file_that_is_not_there_is_said(desk: Any, tmp_path: Path) -> None:
    opening.open_path(desk, tmp_path / "nothing.tif")
    assert desk.sayings["data"].tone == "error"
    assert "nothing.tif" in desk.sayings["data"].text
    assert not desk.work


def test_a_removed_layer_closes_the_stack_and_keeps_the_edits(
    desk: Any, make_labels: Any, stack: Any
) -> None:
    folder = desk.session.project.folder
    desk.session.commit(make_labels(desk.session, (1,), "human"))
    desk.viewer.layers.remove(desk.layers.labels)
    assert desk.session is None
    assert desk.stage == "data"
    assert len(desk.viewer.layers) == 0
    again = Session.open(folder, stack)
    opening.show(desk, again)
    assert desk.labelled == {1}
    assert desk.sayings["data"].text.startswith("6 sections are open. 1 of them has labels from last time")


@pytest.mark.parametrize("painted", [False, True])
def test_after_the_open_project_was_deleted_another_stack_opens(
    desk: Any, stack: Any, make_labels: Any, tmp_path: Path, painted: bool
) -> None:
    if painted:
        desk.session.commit(make_labels(desk.session, (1, 2)))
    shutil.rmtree(desk.session.project.folder)
    other = Session.create(tmp_path / "other.emseg", stack)
    opening.show(desk, other)
    assert desk.session is other
    assert not other.read_only
    gone = f"The project that was open, “toy”, is no longer in {tmp_path}: it was deleted or moved."
    assert desk.sayings["data"].text == gone


@pytest.mark.parametrize("how", ["stroke", "another stack", "layer"])
def test_a_stroke_that_cannot_be_saved_any_more_holds_nobody_up(desk: Any, tmp_path: Path, how: str) -> None:
    """Once it could be painted on, but neither closed nor exchanged for another stack."""
    write_array(tmp_path / "em.tif", IMAGE, spacing_nm=(40.0, 8.0, 8.0))
    shutil.rmtree(desk.session.project.folder)
    desk.layers.labels.paint((2, 20, 15), 3)
    desk.sweep()
    said = desk.sayings["proofread"]
    if how == "another stack":
        opening.open_path(desk, tmp_path / "em.tif")
        said = desk.sayings["data"]
    elif how == "layer":
        desk.viewer.layers.remove(desk.layers.labels)
        said = desk.sayings[desk.stage]
        assert "so the layer is back" in said.text
    assert "is not saved" in said.text
    assert (said.link, said.action) == ("Close the stack without it", "close_lost")
    desk.do(said.action)
    assert desk.session is None
    gone = f"The project that was open, “toy”, is no longer in {tmp_path}: it was deleted or moved."
    assert desk.sayings["data"].text == gone
    opening.open_path(desk, tmp_path / "em.tif")
    assert desk.session.image.name == "em"


def test_a_middle_section_that_cannot_be_read_or_is_black_says_nothing_of_the_contrast() -> None:
    """Once the window was left with a session and without layers, and failed with whatever was done next."""

    class Damaged:
        dtype, shape = np.dtype(np.uint16), (8, 4, 5)

        def __init__(self, good: tuple[int, ...]) -> None:
            self.good = good

        def __getitem__(self, z: int) -> np.ndarray:
            if z == 4:
                raise EmsegError("a part of it cannot be read")
            return np.full((4, 5), 900 + z if z in self.good else 0, np.uint16)

    assert contrast(Damaged((2, 6))) == (902, pytest.approx(902))
    assert contrast(Damaged((6,))) == (906, pytest.approx(906))
    assert contrast(Damaged(())) == (0, pytest.approx(0, abs=1e-5))


def test_a_stack_whose_project_was_deleted_is_closed_with_its_layer(desk: Any, tmp_path: Path) -> None:
    shutil.rmtree(desk.session.project.folder)
    desk.viewer.layers.remove(desk.layers.image)
    assert desk.session is None
    assert "is no longer in" in desk.sayings["data"].text
    assert desk.sayings["data"].link == ""


@pytest.mark.parametrize("removed", ["labels", "image"])
def test_a_layer_that_was_taken_over_is_there_once_when_the_stack_is_opened_again(
    desk: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, removed: str
) -> None:
    desk.clear()
    monkeypatch.setenv("NAPARI_EMSEG_HOME", str(tmp_path / "home"))
    layer = desk.viewer.add_image(IMAGE, name="mine")
    opening.adopt(desk, layer)
    desk.viewer.layers.remove(getattr(desk.layers, removed))
    assert desk.session is None
    desk.do("open_again")
    assert [one.name for one in desk.viewer.layers].count("mine") == 1
    assert (desk.layers.image is layer) == (removed == "labels")


def test_a_file_that_napari_shows_already_gets_no_second_layer(desk: Any, tmp_path: Path) -> None:
    write_array(tmp_path / "em.tif", IMAGE, spacing_nm=(40.0, 8.0, 8.0))
    [(data, options, _)] = read_layers(str(tmp_path / "em.tif"))
    layer = desk.viewer.add_image(data, **options)
    opening.adopt(desk, layer)
    folder = desk.session.project.folder
    desk.clear()
    layer.data = np.zeros((6, 48, 64), np.uint8)  # as if a cleaned copy had been shown last
    opening.show(desk, Session.open(folder))
    assert desk.layers.image is layer
    np.testing.assert_array_equal(layer.data[2], IMAGE[2])


def test_a_stack_of_one_section_is_spoken_of_as_one(desk: Any, tmp_path: Path) -> None:
    image = np.full((1, 48, 64), 90, np.uint8)
    one = Session.create(tmp_path / "one.emseg", ImageStack(image, (40.0, 8.0, 8.0), "file", "one", ""))
    opening.show(desk, one)
    assert desk.sayings["data"].text == "1 section is open."
    assert opening.describe(one)[1] == (
        "Size",
        "1 section of 64 × 48 px",
    )  # x first, as the voxel size below it
    one.volume[0, 4:9, 4:9] = 1
    desk.sweep()
    desk.do("propagate")
    text = "The stack has one section only (section 0): there is nothing to carry ids to."
    assert desk.sayings["propagate"].text == text


def test_the_image_of_another_project_is_not_asked_for_when_this_one_is_closed(
    desk: Any, stack: Any, tmp_path: Path
) -> None:
    desk.without_image = tmp_path / "moved.emseg"
    opening.show(desk, Session.open_or_create(stack, tmp_path / "here.emseg"))
    desk.clear()
    assert desk.without_image is None
    desk.do("find_image")
    assert "No project misses its image" in desk.sayings["data"].text
