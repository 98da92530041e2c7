"""The line never says what another tool did: it says what the mouse does now."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_emseg.ui.flows import proofreading
from napari_emseg.ui.hand import words
from napari_emseg.ui.notes import notes


def said(desk: Any) -> str:
    return str(desk.sayings["proofread"].text)


def test_the_brush_says_what_it_paints(labelled: Any) -> None:
    desk = labelled
    desk.do("cut")
    desk.do("put_down")
    assert "put down" in said(desk)
    proofreading.paint_with(desk, "paint")
    assert "The brush paints object 1." in said(desk)
    desk.layers.labels.selected_label = 2
    assert "The brush paints object 2." in said(desk)
    desk.layers.labels.mode = "pan_zoom"
    assert said(desk) == "The mouse moves the view."


def test_id_0_is_said_to_erase(labelled: Any) -> None:
    labelled.layers.labels.mode = "paint"
    labelled.layers.labels.selected_label = 0
    assert "the brush erases" in said(labelled)


def test_labels_that_are_moved_off_the_image_are_told_of_and_laid_back(labelled: Any) -> None:
    layers = labelled.layers
    layers.labels.mode = "transform"
    assert said(labelled).startswith("This tool moves the labels off the image.")
    assert notes(labelled) == ()
    refreshed = []
    labelled.state_changed.connect(lambda: refreshed.append(notes(labelled)))
    moved = np.eye(4)
    moved[1:3, 3] = 80.0  # nm, ten pixels
    layers.labels.affine = moved
    assert refreshed[-1][0].text == "“labels” does not lie on the image."
    labelled.do(refreshed[-1][0].action)
    assert refreshed[-1] == ()
    layers.image.affine = moved
    assert refreshed[-1][0].text == "“boundary probability”, “labels”, “seeds” do not lie on the image."
    labelled.do("lay_back")
    assert tuple(layers.labels.world_to_data(layers.image.data_to_world((2, 20, 15)))) == (2, 20, 15)


def test_what_was_said_meanwhile_stays_when_the_brush_goes(labelled: Any) -> None:
    labelled.layers.labels.mode = "erase"
    before = said(labelled)
    labelled.do("undo")  # said in the open stage, and that is another one
    labelled.layers.labels.mode = "pan_zoom"
    assert said(labelled) == before
    assert labelled.sayings[labelled.stage].text.startswith("Taken back")


def test_ids_chosen_without_a_brush_are_nobodys_business(labelled: Any) -> None:
    labelled.say("proofread", "A question.")
    labelled.layers.labels.selected_label = 2
    assert said(labelled) == "A question."
    labelled.do("merge")
    first = said(labelled)
    labelled.layers.labels.selected_label = 1
    assert said(labelled) == first


def test_a_new_id_is_said_as_such(labelled: Any) -> None:
    labelled.do("new_object")
    assert said(labelled) == "Painting object 3, a new id."


@pytest.mark.parametrize("mode", ["paint", "erase", "fill", "polygon", "pick", "transform"])
@pytest.mark.parametrize("object_id", [0, 7])
def test_every_tool_has_words(mode: str, object_id: int) -> None:
    assert words(mode, object_id).endswith(".")
    assert ("7" in words(mode, 7)) == (mode in ("paint", "fill", "polygon"))


def test_moving_has_none() -> None:
    assert words("pan_zoom", 1) == ""
