"""Find something that no model knows, by clicks on the canvas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_emseg.ui.examples import ALIKE
from napari_emseg.ui.flows import examples

ALIKE_JOB = "napari_emseg.jobs.few_shot:run"


@pytest.fixture
def clicked(desk: Any, engine: Any) -> Any:
    """Two clicks into a cell and one on a membrane of section 2, and an engine that finds what is bright."""

    def answer(request: Any, progress: Any) -> np.ndarray:
        return np.stack([request.stack.data[z][request.box] > 100 for z in request.sections]).astype(
            np.float32
        )

    engine.answers[ALIKE_JOB] = answer
    desk.viewer.dims.set_current_step(0, 2)
    desk.do("mark_examples")
    for y, x in ((20, 15), (20, 45)):
        click(desk, (2, y, x))
    desk.do("mark_counterexamples")
    click(desk, (2, 20, 31))
    return desk


def click(desk: Any, voxel: tuple[int, int, int]) -> None:
    """As napari does when its points layer adds one."""
    layer = desk.viewer.layers.selection.active
    assert layer.mode == "add"
    layer.add(np.array(voxel, float))


def test_clicks_are_of_two_kinds_with_two_colours(clicked: Any) -> None:
    assert [(c.z, c.y, c.x, c.inside) for c in examples.clicks_of(clicked)] == [
        (2, 20, 15, True), (2, 20, 45, True), (2, 20, 31, False),
    ]  # fmt: skip
    assert examples.words(clicked) == "2 on it, 1 beside it"
    colours = clicked.layers.examples.face_color
    assert np.array_equal(colours[0], colours[1])
    assert not np.array_equal(colours[0], colours[2])


def test_the_last_click_is_taken_back_and_not_the_edit_before_it(clicked: Any) -> None:
    before = examples.clicks_of(clicked)
    clicked.session.mark(4, "excluded", "fold")
    clicked.do("undo")
    assert examples.clicks_of(clicked) == before[:2]
    assert clicked.sayings["predict"].text == "The click is taken back: 2 on it, 0 beside it."
    click(clicked, (2, 20, 33))
    clicked.do("undo")
    clicked.do("undo")
    clicked.do("redo")
    clicked.do("redo")
    assert [(c.x, c.inside) for c in examples.clicks_of(clicked)] == [(15, True), (45, True), (33, False)]
    colours = clicked.layers.examples.face_color
    assert np.array_equal(colours[0], colours[1])
    assert not np.array_equal(colours[0], colours[2])
    assert clicked.session.sections[4].status == "excluded"
    for _ in range(3):
        clicked.do("undo")
    assert clicked.sayings["predict"].text == "The click is taken back: none is left."
    clicked.do("undo")
    assert clicked.session.sections[4].status == "unseen"


def test_what_is_found_becomes_a_layer_of_its_own(clicked: Any, engine: Any) -> None:
    clicked.do("find_alike")
    assert engine.asked[-1][0] == ALIKE_JOB
    found = clicked.layers.targets[ALIKE]
    assert found.layer.visible
    bright = np.asarray(clicked.session.image.data[2]) > 100
    np.testing.assert_array_equal(found.values[2] > 127, bright)
    assert "by 3 clicks" in clicked.sayings["predict"].text
    assert clicked.layers.examples.mode == "pan_zoom"


def test_one_kind_alone_is_refused_in_words(desk: Any) -> None:
    desk.do("mark_examples")
    click(desk, (2, 20, 15))
    desk.do("find_alike")
    assert desk.sayings["predict"].tone == "error"
    assert "no click outside" in desk.sayings["predict"].text


def test_forgetting_removes_clicks_and_map(clicked: Any) -> None:
    clicked.do("find_alike")
    before = len(clicked.viewer.layers)
    clicked.do("forget_examples")
    assert len(clicked.viewer.layers) == before - 2
    assert examples.words(clicked) == ""
    clicked.do("mark_examples")
    assert len(clicked.layers.examples.data) == 0


def test_a_layer_that_the_person_removed_is_made_anew(clicked: Any) -> None:
    clicked.viewer.layers.remove(clicked.layers.examples)
    assert examples.words(clicked) == ""
    clicked.do("mark_examples")
    assert clicked.layers.examples in clicked.viewer.layers


def test_the_image_is_seen_while_it_is_clicked_on(labelled: Any) -> None:
    from napari_emseg.ui.flows import examples

    layers = labelled.layers
    labelled.do("mark_examples")
    assert not layers.labels.visible
    assert not layers.boundary.visible
    labelled.do("mark_counterexamples")
    examples.put_down(labelled)
    assert layers.labels.visible
    # the next click on the canvas is none of the examples, and keys are the labels' again
    assert str(layers.examples.mode) == "pan_zoom"
    assert labelled.viewer.layers.selection.active is layers.labels
    layers.labels.visible = False  # by hand: nobody shows them again
    labelled.do("mark_examples")
    labelled.do("forget_examples")
    assert not layers.labels.visible


def test_the_membranes_come_back_when_the_clicks_are_forgotten_and_that_is_said(clicked: Any) -> None:
    layers = clicked.layers
    clicked.do("find_alike")
    assert "more like what you clicked on" in clicked.sayings["predict"].text
    clicked.do("forget_examples")
    assert clicked.sayings["predict"].text == "The clicks, and what was found with them, are gone."
    assert layers.boundary.visible
    layers.boundary.visible = False  # by hand: nobody shows them again
    clicked.do("mark_examples")
    examples.put_down(clicked)
    assert not layers.boundary.visible


def test_a_new_prediction_is_seen_also_after_clicks(clicked: Any) -> None:
    clicked.do("predict")
    assert clicked.layers.boundary.visible
