"""Strokes of napari's tools become edits, on every path that napari writes on; undo is the session's."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_emseg.core.edit import Region


def section(dock: Any, z: int = 2) -> np.ndarray:
    volume = dock.desk.session.volume
    return volume.read(Region((z, 0, 0), (z + 1, *volume.shape[1:])))[0]


def test_one_drag_is_one_human_edit(opened: Any, drag: Any) -> None:
    desk = opened.desk
    layer = desk.layers.labels
    desk.viewer.dims.set_current_step(0, 2)
    layer.selected_label, layer.brush_size = 7, 4
    layer.mode = "paint"
    made = []
    desk.session.edited.connect(made.append)
    drag(opened, [(20, 10), (20, 14), (20, 20)])
    assert [(e.name, e.source, e.sections) for e in made] == [("paint", "human", (2,))]
    painted = section(opened)
    assert painted[20, 10] == painted[20, 20] == 7
    desk.do("undo")
    assert not section(opened).any()
    desk.do("redo")
    np.testing.assert_array_equal(section(opened), painted)


def test_erase_says_so(opened: Any, drag: Any) -> None:
    desk = opened.desk
    desk.session.volume[2, 10:30, 10:30] = 3
    desk.sweep()
    desk.viewer.dims.set_current_step(0, 2)
    desk.layers.labels.mode = "erase"
    drag(opened, [(20, 20), (20, 22)])
    assert desk.session.undo_name == "erase"
    assert section(opened)[20, 20] == 0
    assert section(opened)[11, 11] == 3


def test_programmatic_paint_announces_before_it_writes(opened: Any, qtbot: Any) -> None:
    """Outside a stroke napari emits first; what is written afterwards is swept up."""
    desk = opened.desk
    desk.layers.labels.brush_size = 3
    desk.layers.labels.paint((2, 20, 20), 5)
    qtbot.waitUntil(lambda: desk.session.can_undo and not desk.session.volume.pages.has_stroke, timeout=2000)
    assert section(opened)[20, 20] == 5
    desk.session.undo()
    assert not section(opened).any()


def test_fill_and_setitem_are_edits_too(opened: Any, qtbot: Any) -> None:
    desk = opened.desk
    desk.layers.labels.data_setitem((np.array([2, 2]), np.array([5, 6]), np.array([7, 8])), 9)
    desk.sweep()
    assert section(opened)[6, 8] == 9
    desk.layers.labels.fill((2, 6, 8), 4)
    desk.sweep()
    assert section(opened)[6, 8] == 4
    desk.undo()
    assert section(opened)[6, 8] == 9
    desk.undo()
    assert section(opened)[6, 8] == 0


def test_ctrl_z_on_the_layer_goes_through_everything(opened: Any) -> None:
    """A stroke, a mark and a merge are taken back in the order in which they were made."""
    from napari_emseg.core.sections import Status

    desk = opened.desk
    desk.session.volume[2, 10:20, 10:20] = 3
    desk.sweep()
    desk.session.mark(2, Status.PROOFREAD)
    desk.layers.labels.undo()
    assert desk.session.sections[2].status is Status.UNSEEN
    assert section(opened)[15, 15] == 3
    desk.layers.labels.undo()
    assert section(opened)[15, 15] == 0
    desk.layers.labels.redo()
    assert section(opened)[15, 15] == 3


def test_an_edit_from_elsewhere_is_drawn(opened: Any, make_labels: Any, qtbot: Any) -> None:
    desk = opened.desk
    desk.viewer.dims.set_current_step(0, 2)
    desk.session.commit(make_labels(desk.session, (2,)))
    qtbot.waitUntil(lambda: int(desk.layers.labels._slice.image.raw[20, 15]) == 1, timeout=2000)


def test_a_fresh_id_was_never_used(opened: Any) -> None:
    desk = opened.desk
    desk.session.volume[0, 0, 0] = 40
    desk.sweep()
    desk.do("new_object")
    assert desk.layers.labels.selected_label == 41
    assert str(desk.layers.labels.mode) == "paint"


def test_letting_go_gives_napari_its_undo_back(opened: Any) -> None:
    layer = opened.desk.layers.labels
    opened.desk.clear()
    assert "undo" not in layer.__dict__
    layer.undo()
