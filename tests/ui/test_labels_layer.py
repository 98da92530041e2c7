"""Strokes of napari's tools become edits, on every path that napari writes on; undo is the session's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.layers import Labels
from napari.layers.labels._labels_key_bindings import reset_polygon

from napari_emseg.core.edit import Region
from napari_emseg.core.sections import Status
from napari_emseg.ui.labels_layer import is_drawing


def section(desk: Any, z: int = 2) -> np.ndarray:
    volume = desk.session.volume
    return volume.read(Region((z, 0, 0), (z + 1, *volume.shape[1:])))[0]


def test_strokes_in_the_real_window(opened: Any, drag: Any, qtbot: Any) -> None:
    """Paint and erase with the mouse, and paint from a script; each is one edit."""
    desk = opened.desk
    layer = desk.layers.labels
    layer.selected_label, layer.brush_size = 7, 4
    layer.mode = "paint"
    made = []
    desk.session.edited.connect(made.append)
    drag(opened, [(20, 10), (20, 14), (20, 20)])
    assert [(e.name, e.source, e.sections) for e in made] == [("paint", "human", (2,))]
    painted = section(desk)
    assert painted[20, 10] == painted[20, 20] == 7
    layer.mode = "erase"
    drag(opened, [(20, 20), (20, 22)])
    assert desk.session.undo_name == "erase"
    assert section(desk)[20, 20] == 0
    assert section(desk)[20, 10] == 7
    desk.do("undo")
    np.testing.assert_array_equal(section(desk), painted)
    desk.do("undo")
    assert not section(desk).any()
    desk.do("redo")
    np.testing.assert_array_equal(section(desk), painted)
    # outside a stroke napari announces before it writes: what comes afterwards is swept up
    line = opened.panels[desk.stage].says
    assert line.saying.link == "Undo"
    desk.open_stage("measure")
    desk.say("measure", "Something newer.")
    layer.paint((2, 40, 40), 5)
    qtbot.waitUntil(lambda: desk.session.undo_name == "erase", timeout=3000)
    assert opened.panels["measure"].says.saying.text == "Something newer."
    desk.open_stage("data")
    assert line.saying.text.startswith("Made again")
    assert not line.saying.link, "it would take the new stroke back"
    assert section(desk)[40, 40] == 5
    desk.session.undo()
    np.testing.assert_array_equal(section(desk), painted)


def test_a_polygon_is_one_edit(desk: Any) -> None:
    desk.viewer.dims.set_current_step(0, 2)
    made = []
    desk.session.edited.connect(made.append)
    desk.layers.labels.paint_polygon([(2, 10, 10), (2, 10, 30), (2, 20, 30), (2, 20, 10)], 6)
    desk.sweep()
    assert len(made) == 1
    assert made[0].sections == (2,)
    assert section(desk)[15, 20] == 6
    assert (section(desk) == 6).sum() == 11 * 21
    desk.undo()
    assert not section(desk).any()


def test_ctrl_z_in_an_outline_takes_its_last_corner_back(desk: Any) -> None:
    desk.session.mark(1, Status.EXCLUDED, "fold")
    desk.layers.labels.mode = "polygon"
    outline, mouse = desk.layers.labels._overlays["polygon"], (2, 9, 9)
    outline.points = [(2, 10, 10), (2, 10, 30), mouse]
    desk.do("undo")
    assert outline.points == [(2, 10, 10), mouse]
    desk.do("undo")
    assert outline.points == []
    assert desk.session.sections[1].status is Status.EXCLUDED
    desk.do("undo")
    assert desk.session.sections[1].status is Status.UNSEEN


def test_an_outline_of_the_right_button_ends_with_whatever_is_done_next(desk: Any, make_labels: Any) -> None:
    """napari paints it wherever the mouse goes until it is closed, and takes its pixels back on Escape."""
    layer = desk.layers.labels
    layer.mode, layer.selected_label = "paint", 7
    stroke = layer._overlays["brush_stroke"]

    def begin() -> None:
        layer._begin_stroke()
        stroke.active = True
        layer.paint((2, 20, 10), 7)

    desk.viewer.dims.set_current_step(0, 2)
    begin()
    desk.do("undo")
    assert not stroke.active
    assert not section(desk).any()
    begin()
    desk.do("next_section")
    assert not stroke.active
    desk.session.commit(make_labels(desk.session, (2,)))
    newer = section(desk)
    reset_polygon(layer)  # Escape
    layer.mode = "pan_zoom"
    np.testing.assert_array_equal(section(desk), newer)
    assert len(desk.session.history._done) == 2
    layer.mode = "paint"
    begin()
    reset_polygon(layer)
    desk.sweep()
    np.testing.assert_array_equal(section(desk), newer)
    assert len(desk.session.history._done) == 2


@pytest.mark.parametrize("lands", ["segments", "carried ids"])
def test_an_outline_of_the_right_button_goes_on_while_work_lands(
    desk: Any, make_labels: Any, lands: str
) -> None:
    """Escape then takes back what has been painted since: what was there before it would be written over the new labels."""
    layer = desk.layers.labels
    layer.mode, layer.selected_label = "paint", 7
    stroke = layer._overlays["brush_stroke"]
    desk.viewer.dims.set_current_step(0, 2)
    layer._begin_stroke()
    stroke.active = True
    layer.paint((2, 20, 10), 7)
    if lands == "carried ids":
        desk.sweep(ends_outline=False)
    desk.session.commit(make_labels(desk.session, (2,)))
    newer = section(desk)
    assert newer[20, 10] == 1
    layer.paint((2, 20, 50), 7)
    assert stroke.active
    reset_polygon(layer)  # Escape
    desk.sweep()
    np.testing.assert_array_equal(section(desk), newer)
    assert [entry.name for entry in desk.session.history._done] == ["paint", "segment"]
    desk.undo()
    assert section(desk)[20, 10] == 7


def test_what_was_taken_back_is_offered_again_until_the_next_edit(desk: Any) -> None:
    desk.session.mark(1, Status.EXCLUDED, "fold")
    desk.do("undo")
    assert desk.sayings[desk.stage].action == "redo"
    desk.layers.labels.fill((2, 6, 8), 4)
    desk.sweep()
    said = desk.sayings[desk.stage]
    assert (said.text, said.link, said.action) == ("Taken back: mark section 1 excluded.", "", "")


def test_fill_and_setitem_are_edits_too(desk: Any) -> None:
    desk.layers.labels.data_setitem((np.array([2, 2]), np.array([5, 6]), np.array([7, 8])), 9)
    desk.sweep()
    assert section(desk)[6, 8] == 9
    desk.layers.labels.fill((2, 6, 8), 4)
    desk.sweep()
    assert section(desk)[6, 8] == 4
    desk.undo()
    assert section(desk)[6, 8] == 9
    desk.undo()
    assert section(desk)[6, 8] == 0


def test_a_block_of_paint_is_one_edit(desk: Any) -> None:
    made = []
    desk.session.edited.connect(made.append)
    layer = desk.layers.labels
    with layer.block_history():
        for x in (10, 14, 18):
            layer.paint((2, 20, x), 3)
    assert [e.name for e in made] == ["paint"]


def test_ctrl_z_on_the_layer_goes_through_everything(desk: Any) -> None:
    """A stroke and a mark are taken back in the order in which they were made."""
    desk.session.volume[2, 10:20, 10:20] = 3
    desk.sweep()
    desk.session.mark(2, Status.PROOFREAD)
    desk.layers.labels.undo()
    assert desk.session.sections[2].status is Status.UNSEEN
    assert section(desk)[15, 15] == 3
    desk.layers.labels.undo()
    assert section(desk)[15, 15] == 0
    desk.layers.labels.redo()
    assert section(desk)[15, 15] == 3


def test_an_edit_from_elsewhere_is_drawn(desk: Any, make_labels: Any) -> None:
    desk.viewer.dims.set_current_step(0, 2)
    desk.session.commit(make_labels(desk.session, (2,)))
    assert int(desk.layers.labels._slice.image.raw[20, 15]) == 1


def test_a_fresh_id_was_never_used(desk: Any) -> None:
    desk.session.volume[0, 0, 0] = 40
    desk.sweep()
    desk.do("new_object")
    assert desk.layers.labels.selected_label == 41
    assert str(desk.layers.labels.mode) == "paint"


def test_letting_go_gives_napari_its_undo_back(desk: Any) -> None:
    layer = desk.layers.labels
    desk.clear()
    assert "undo" not in layer.__dict__
    layer.undo()


def test_an_outline_is_known_also_where_napari_has_none_of_the_brush() -> None:
    layer = Labels(np.zeros((4, 5), np.uint8))
    assert not is_drawing(layer)
    layer._overlays["polygon"].points = [(1, 1), (2, 2)]
    assert is_drawing(layer)
    layer._overlays["polygon"].points = []
    layer._overlays["brush_stroke"].active = True
    assert is_drawing(layer)
    del layer._overlays["brush_stroke"]
    assert not is_drawing(layer)
