"""A second stack that comes into the window while one is open is told of, and can be worked on instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import write_array
from napari_emseg.ui.flows import other_stack


@pytest.fixture
def second(tmp_path: Path) -> Path:
    path = tmp_path / "second.tif"
    image = np.random.default_rng(0).integers(1, 200, (5, 40, 50), np.uint8)
    write_array(path, image, spacing_nm=(50.0, 4.0, 4.0), is_labels=False)
    return path


def test_it_is_told_of_and_a_click_works_on_it(
    opened: Any, second: Path, make_labels: Any, qtbot: Any
) -> None:
    desk = opened.desk
    desk.session.commit(make_labels(desk.session, (2,)))
    first = desk.session.project.folder
    desk.open_stage("segment")
    desk.viewer.open(str(second), plugin="napari-emseg")
    said = desk.sayings["segment"]
    assert said.text == "“second” is shown beside “toy”, on which you work."
    assert (said.link, said.action) == ("Work on it instead", "work_on_other")
    assert desk.session.project.folder == first, "nothing is closed without being asked"
    desk.viewer.layers.remove("second")
    qtbot.waitUntil(lambda: not desk.sayings["segment"].text)
    assert "second" not in opened.panels["segment"].says.saying.text
    desk.viewer.open(str(second), plugin="napari-emseg")
    desk.do(said.action)
    qtbot.waitUntil(lambda: desk.session is not None and desk.session.image.name == "second")
    assert [layer.name for layer in desk.viewer.layers if layer.name == "second"] == ["second"]
    assert desk.session.image.spacing_nm == (50.0, 4.0, 4.0)
    from napari_emseg.core.volume import LabelVolume

    assert LabelVolume.open(first / "labels.zarr").shape == (6, 48, 64)


def test_the_first_panel_offers_it(opened: Any, second: Path, qtbot: Any) -> None:
    desk, panel = opened.desk, opened.panels["data"]
    desk.open_stage("data")
    assert panel.adopt.isHidden()
    with pytest.raises(EmsegError, match="there is no other stack"):
        other_stack.work_on(desk)
    desk.viewer.open(str(second), plugin="napari-emseg")
    qtbot.waitUntil(lambda: not panel.adopt.isHidden())
    assert panel.adopt.text() == "Work on “second” instead"
    assert panel.adopt.property("role") == ""
    panel.adopt.click()
    qtbot.waitUntil(lambda: desk.session is not None and desk.session.image.name == "second")
    qtbot.waitUntil(panel.adopt.isHidden)


def test_the_same_stack_once_more_is_no_other_project(opened: Any, second: Path, qtbot: Any) -> None:
    desk = opened.desk
    desk.viewer.open(str(second), plugin="napari-emseg")
    desk.do("work_on_other")
    qtbot.waitUntil(lambda: desk.session is not None and desk.session.image.name == "second")
    desk.viewer.open(str(second), plugin="napari-emseg")
    session = desk.session
    desk.do("work_on_other")
    qtbot.waitUntil(
        lambda: desk.sayings.get("data") and "open already" in desk.sayings["data"].text, timeout=5000
    )
    assert desk.session is session
    assert not session.read_only


def test_a_map_of_the_same_shape_may_be_membranes(opened: Any, tmp_path: Path) -> None:
    path = tmp_path / "walls.tif"
    write_array(path, np.random.default_rng(0).random((6, 48, 64), np.float32), is_labels=False)
    opened.desk.viewer.open(str(path), plugin="napari-emseg")
    said = opened.desk.sayings[opened.desk.stage]
    assert said.text.endswith("on which you work. If it shows membranes, Predict can take them.")
    ids = tmp_path / "cells.tif"  # as many programs write them: an image, as far as the file says
    write_array(ids, np.random.default_rng(0).integers(0, 999, (6, 48, 64), np.uint16), is_labels=False)
    opened.desk.viewer.open(str(ids), plugin="napari-emseg")
    said = opened.desk.sayings[opened.desk.stage]
    assert said.text.endswith(
        "if it holds object ids, right click on its layer and choose Convert to Labels."
    )


def test_layers_of_the_project_and_of_others_are_no_stacks(opened: Any) -> None:
    desk = opened.desk
    before = dict(desk.sayings)
    desk.do("predict")
    desk.viewer.add_image(np.zeros((6, 48, 64)), name="something of napari's")
    assert other_stack.others(desk) == []
    assert {name for name in desk.sayings if name not in before} <= {"predict"}
