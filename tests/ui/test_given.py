"""Membranes from a file in place of the model's, on a desk and in the window."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_emseg.core.chronicle import events
from napari_emseg.core.copying import copy_project
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.project import load_project
from napari_emseg.io import write_array
from napari_emseg.jobs.methods import methods_text, provenance
from napari_emseg.ui.flows import given, learning
from napari_emseg.ui.history_model import details

SHAPE = (6, 48, 64)
PREDICT = "napari_emseg.jobs.predict:run"
HERE = Region((2, 0, 0), (3, 48, 64))


def walls() -> np.ndarray:
    """One wall more than the image shows, through cell 1 at x 15 to 17."""
    found = np.zeros(SHAPE, np.float32)
    found[:, :4] = found[:, -4:] = 1
    for x in (0, 15, 30, 60):
        found[:, :, x : x + 4] = 0.9
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "walls.zarr"
    write_array(path, walls(), spacing_nm=(40.0, 8.0, 8.0), is_labels=False)
    return path


def asked(engine: Any) -> list[str]:
    return [function for function, _, _ in engine.asked]


def test_of_a_file_with_channels_one_is_chosen(desk: Any, tmp_path: Path) -> None:
    both = np.stack([1 - walls(), walls()])
    write_array(tmp_path / "a.tif", both, axes="czyx")
    asked: list[Any] = []
    given.take(desk, tmp_path / "a.tif", ask=asked.append)
    assert desk.session.membranes is None
    assert desk.sayings["predict"].text.endswith(
        "channels and not one ({}): choose one of them above.".format(tmp_path / "a.tif")
    )
    assert list(asked[0].arrays) == ["#0", "#1"]
    given.take(desk, f"{tmp_path / 'a.tif'}::#1", ask=asked.append)
    desk.viewer.dims.set_current_step(0, 2)
    desk.do("predict")
    assert np.abs(desk.layers.boundary_map.read(HERE)[0] - walls()[2]).max() < 1 / 254
    ours = {"program": "napari-emseg 1", "targets": ["cleft", "membrane"]}
    write_array(tmp_path / "b.zarr", both, axes="czyx", metadata=ours)
    given.take(desk, tmp_path / "b.zarr", ask=asked.append)
    assert (desk.session.membranes_path, len(asked)) == (f"{tmp_path / 'b.zarr'}::#1", 1)


def test_what_is_on_screen_comes_from_the_file(desk: Any, engine: Any, file: Path) -> None:
    given.take(desk, file)
    assert desk.sayings["predict"].text == "Membranes come from “walls.zarr” now."
    assert desk.sayings["predict"].action == "predict"
    desk.viewer.dims.set_current_step(0, 2)
    desk.do("predict")
    assert np.abs(desk.layers.boundary_map.read(HERE)[0] - walls()[2]).max() < 1 / 254
    assert PREDICT not in asked(engine)
    assert desk.layers.boundary.metadata["napari-emseg"]["membranes"] == str(file)
    assert desk.sayings["predict"].text.startswith("Membranes of 64 × 48 px in section 2, ")


def test_segments_and_ids_follow_the_file_and_the_record_says_so(desk: Any, engine: Any, file: Path) -> None:
    given.take(desk, file)
    desk.viewer.dims.set_current_step(0, 2)
    desk.do("segment")
    labels = desk.session.volume.read(HERE)[0]
    assert len({labels[20, 8], labels[20, 24], labels[20, 45]} - {0}) == 3
    assert desk.session.journal.query("SELECT model FROM edits") == [("file: walls.zarr",)]
    words = "Membranes were taken from the file walls.zarr, and their segments were taken over in 1 step"
    assert words in methods_text(desk.session)
    assert provenance(desk.session)["membranes"] == "walls.zarr"
    newest = events(desk.session.journal, limit=1)[0]
    assert any("membranes of walls.zarr" in row for row in details(newest))
    assert PREDICT not in asked(engine)
    before = len(engine.asked)
    desk.do("propagate")
    assert PREDICT not in asked(engine)[before:]
    assert desk.session.volume.read(Region((3, 0, 0), (4, 48, 64))).any()


def test_other_targets_still_come_from_the_model(desk: Any, engine: Any, file: Path) -> None:
    given.take(desk, file)
    settings = desk.settings("predict")
    desk.set_settings("predict", settings.model_copy(update={"also": ("mitochondria",)}))
    desk.viewer.dims.set_current_step(0, 2)
    desk.do("predict")
    ((_, request, _),) = [one for one in engine.asked if one[0] == PREDICT]
    assert request.targets == ("mitochondria",)
    assert desk.layers.targets["mitochondria"].values.covers(HERE)
    assert np.abs(desk.layers.boundary_map.read(HERE)[0] - walls()[2]).max() < 1 / 254
    assert "Membranes and mitochondria of" in desk.sayings["predict"].text


def test_a_file_needs_no_model(desk: Any, engine: Any, file: Path) -> None:
    desk.session.model = "gone"
    given.take(desk, file)
    desk.viewer.dims.set_current_step(0, 2)
    desk.do("segment")
    labels = desk.session.volume.read(HERE)[0]
    assert len({labels[20, 8], labels[20, 24], labels[20, 45]} - {0}) == 3
    assert PREDICT not in asked(engine)


def test_a_map_of_cells_is_noticed_and_turned_round(desk: Any, tmp_path: Path) -> None:
    path = tmp_path / "cells.h5"
    write_array(path, 1 - walls(), spacing_nm=(40.0, 8.0, 8.0), is_labels=False)
    given.take(desk, path)
    said = desk.sayings["predict"]
    assert "of a section would be membrane: does it show cells?" in said.text
    assert (said.link, said.action) == ("It shows cells", "turn_membranes")
    desk.do(said.action)
    assert desk.sayings["predict"].text == "“cells.h5” is read as a map of cells now."
    desk.viewer.dims.set_current_step(0, 2)
    desk.do("predict")
    assert np.abs(desk.layers.boundary_map.read(HERE)[0] - walls()[2]).max() < 1 / 250
    desk.do("turn_membranes")
    assert not desk.session.membranes.shows_cells
    assert desk.layers.boundary_map.sections == ()


def test_the_model_chosen_last_says_where_membranes_are(
    desk: Any, engine: Any, file: Path, model: Path
) -> None:
    shutil.copytree(model, model.parent / "mine")
    given.take(desk, file)
    desk.do("predict")
    learning.choose(desk, desk.session.model)
    assert "“walls.zarr” is put aside." in desk.sayings["predict"].text
    assert desk.layers.boundary_map.sections == ()
    desk.do("predict")
    assert PREDICT in asked(engine)
    assert (desk.session.membranes, desk.session.project.membranes.name) == (None, "walls.zarr")
    given.take(desk, file)
    learning.choose(desk, "mine")
    assert (desk.session.membranes, desk.session.model) == (None, "mine")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: write_array(path, walls()[:4], is_labels=False), "has 4 x 48 x 64 voxels (z, y, x)"),
        (lambda path: write_array(path, 300 * walls(), is_labels=False), "are no probabilities"),
        (lambda path: write_array(path, np.full(SHAPE, np.nan, np.float32), is_labels=False), "not numbers"),
        (lambda path: write_array(path, np.stack([walls()] * 2), axes="czyx", is_labels=False), "has 2 channels"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: None, "no such file"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_nothing_changes(
    desk: Any, tmp_path: Path, make: Any, words: str
) -> None:
    path = tmp_path / "wrong.tif"
    make(path)
    desk.do("predict")
    known = desk.layers.boundary_map.sections
    given.take(desk, path)
    assert desk.sayings["predict"].tone == "error"
    assert words in desk.sayings["predict"].text
    assert desk.session.project.membranes is None
    assert desk.layers.boundary_map.sections == known


def test_where_the_file_holds_nothing_that_is_said(desk: Any, tmp_path: Path) -> None:
    path = tmp_path / "part.tif"
    part = walls()
    part[4:] = 0
    write_array(path, part, is_labels=False)
    given.take(desk, path)
    desk.viewer.dims.set_current_step(0, 4)
    for action, stage in (("predict", "predict"), ("segment", "segment")):
        desk.do(action)
        assert "it has one value, 0, all over section 4" in desk.sayings[stage].text.lower()
    assert not desk.session.volume.read(Region((4, 0, 0), (5, 48, 64))).any()


def test_a_file_that_has_gone_is_said(desk: Any, file: Path) -> None:
    given.take(desk, file)
    shutil.rmtree(file)
    desk.do("predict")
    assert desk.sayings["predict"].tone == "error"
    assert "walls.zarr" in desk.sayings["predict"].text


def test_a_copy_of_the_project_finds_the_file(desk: Any, file: Path, tmp_path: Path) -> None:
    given.take(desk, file)
    desk.session.save()
    (tmp_path / "deep").mkdir()
    copy = copy_project(desk.session.project.folder, tmp_path / "deep" / "copy.emseg")
    found = load_project(copy).membranes
    assert found is not None
    assert (found.relative, found.is_used) == ("../../walls.zarr", True)


def test_the_same_in_the_window(opened: Any, file: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any) -> None:
    from qtpy.QtWidgets import QFileDialog

    desk, panel = opened.desk, opened.panels["predict"]
    desk.open_stage("predict")
    panel.from_file.fold.open()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: str(file))
    panel.from_file.folder.click()
    qtbot.waitUntil(lambda: panel.model.currentText() == "walls.zarr (a file)")
    assert panel.form.isHidden()
    assert panel.hint() == "Shows the membranes of “walls.zarr” in the region on screen."
    panel.button.click()
    qtbot.waitUntil(lambda: 2 in desk.layers.boundary_map.sections)
    panel.from_file.cells.click()
    assert desk.session.membranes.shows_cells
    panel.model.activated.emit(0)
    qtbot.waitUntil(lambda: panel.model.currentIndex() == 0)
    assert desk.session.membranes is None
    assert not panel.form.isHidden()
    panel.model.activated.emit(panel.model.count() - 1)
    qtbot.waitUntil(lambda: desk.session.membranes is not None)
    assert desk.session.membranes.shows_cells, "taken up again as it was"


def test_of_several_arrays_the_one_of_the_same_shape_is_taken_or_a_click_asked_for(
    opened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    from qtpy.QtWidgets import QFileDialog

    path = tmp_path / "cluster.h5"
    with h5py.File(path, "w") as file:
        file["volumes/membranes"] = walls()
        file["volumes/small"] = walls()[:3]
    desk, part = opened.desk, opened.panels["predict"].from_file
    desk.open_stage("predict")
    part.fold.open()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a, **k: (str(path), ""))
    part.file.click()
    qtbot.waitUntil(lambda: desk.session.membranes is not None)
    assert desk.session.membranes.name == "cluster.h5::volumes/membranes"
    assert part.arrays.isHidden()
    with h5py.File(path, "a") as file:
        file["volumes/other"] = walls()
    qtbot.waitUntil(part.file.isEnabled)
    part.file.click()
    qtbot.waitUntil(lambda: not part.arrays.isHidden())
    assert [button.text().partition(" ")[0] for button in part.arrays.buttons] == [
        "volumes/membranes", "volumes/other", "volumes/small",
    ]  # fmt: skip
    assert "choose one of them above" in desk.sayings["predict"].text
    part.arrays.buttons[1].click()
    qtbot.waitUntil(lambda: desk.session.membranes.name == "cluster.h5::volumes/other")
    assert part.arrays.isHidden()
    assert "come from" in desk.sayings["predict"].text


def test_a_layer_that_shows_a_file_is_offered(opened: Any, file: Path, qtbot: Any) -> None:
    desk, panel = opened.desk, opened.panels["predict"]
    desk.open_stage("predict")
    assert panel.from_file.layer.isHidden()
    with pytest.raises(EmsegError, match="no other layer"):
        given.take_layer(desk)
    (layer,) = desk.viewer.open(str(file), plugin="napari-emseg")
    panel.refresh()
    assert panel.from_file.layer.text() == f"Take those of “{layer.name}”"
    panel.from_file.layer.click()
    qtbot.waitUntil(lambda: desk.session.membranes is not None)
    assert not layer.visible
    qtbot.waitUntil(panel.from_file.layer.isHidden)
    assert Path(desk.session.membranes_path) == file
