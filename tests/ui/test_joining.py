"""The slider that joins pieces on screen, and key G."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.sections import Status
from napari_emseg.ui.flows.joining import JoinPreview

BOX = Region((2, 0, 0), (3, 48, 64))


def pieces(desk: Any) -> None:
    """Cell 1 in two pieces, cell 2 in one, and the membranes of section 2."""
    desk.viewer.dims.set_current_step(0, 2)
    desk.do("predict")
    labels = np.zeros((1, 48, 64), np.uint32)
    labels[0, :24, :32], labels[0, 24:, :32], labels[0, :, 32:] = 1, 2, 3
    desk.session.commit(Edit("pieces", "model", (Patch(BOX, desk.session.volume.read(BOX), labels),)))


def test_moving_shows_and_the_button_is_one_edit(desk: Any) -> None:
    pieces(desk)
    preview = desk.joining = JoinPreview(desk)
    preview.show(0.5)
    layer = desk.viewer.layers["joined (preview)"]
    assert np.unique(np.asarray(layer.data)).tolist() == [1, 3]
    assert not desk.layers.labels.visible
    assert np.unique(desk.session.volume.read(BOX)).tolist() == [1, 2, 3]
    assert (preview.n_pieces, preview.n_objects) == (3, 2)
    desk.do("join_shown")
    assert np.unique(desk.session.volume.read(BOX)).tolist() == [1, 3]
    assert desk.sayings["segment"].text == "1 piece joined."
    assert desk.session.undo_name == "join 1 piece of section 2"
    assert "joined (preview)" not in desk.viewer.layers
    assert desk.layers.labels.visible
    desk.do("undo")
    assert np.unique(desk.session.volume.read(BOX)).tolist() == [1, 2, 3]


def test_locked_objects_do_not_join_and_zero_hides(desk: Any) -> None:
    pieces(desk)
    desk.session.lock(2, True)
    preview = JoinPreview(desk)
    preview.show(1.0)
    assert 2 in np.unique(np.asarray(desk.viewer.layers["joined (preview)"].data))
    preview.show(0.0)
    assert not preview.is_shown


def test_an_object_that_is_locked_meanwhile_does_not_join(desk: Any) -> None:
    pieces(desk)
    preview = JoinPreview(desk)
    preview.show(0.5)
    assert (preview.n_pieces, preview.n_objects) == (3, 2)
    desk.session.lock(2, True)
    assert preview.is_stale()
    preview.show(0.5)
    assert (preview.n_pieces, preview.n_objects) == (2, 2)
    assert not preview.is_stale()
    desk.session.lock(2, False)
    preview.show(0.5)
    assert (preview.n_pieces, preview.n_objects) == (3, 2)


def test_what_was_shown_is_kept_although_the_view_was_moved_to_look_at_it(desk: Any) -> None:
    pieces(desk)
    preview = desk.joining = JoinPreview(desk)
    preview.show(0.5)
    camera, scale = desk.viewer.scene.camera, desk.layers.labels.scale
    camera.center = (0, 24 * scale[1], 60 * scale[2])  # of cell 2 only a part is on screen
    camera.zoom *= 10
    desk.do("join_shown")
    assert np.unique(desk.session.volume.read(BOX)).tolist() == [1, 3]
    assert desk.session.undo_name == "join 1 piece of section 2"
    desk.do("undo")
    camera.zoom /= 10
    preview.show(0.5)
    desk.session.lock(2, True)
    desk.do("join_shown")
    assert desk.sayings["segment"].text.startswith("Nothing joins any more")


def test_an_edit_makes_the_preview_stale(desk: Any) -> None:
    pieces(desk)
    preview = JoinPreview(desk)
    preview.show(0.5)
    assert not preview.is_stale()
    desk.do("undo")
    assert preview.is_stale()


def test_nothing_to_join_is_said(desk: Any) -> None:
    desk.do("join_shown")
    assert desk.sayings["segment"].tone == "error"
    pieces(desk)
    desk.joining = JoinPreview(desk)
    desk.joining.show(0.01)
    assert desk.joining.n_pieces == desk.joining.n_objects
    desk.do("join_shown")
    assert desk.sayings["segment"].text.startswith("Nothing joins yet")


def grow(desk: Any, point: tuple[int, int, int]) -> None:
    desk.viewer.cursor.position = tuple(desk.layers.labels.data_to_world(point))
    desk.do("grow")


def test_grow_fills_a_cell_as_one_edit(desk: Any) -> None:
    desk.viewer.dims.set_current_step(0, 2)
    labels = np.zeros((1, 48, 64), np.uint32)
    labels[0, 18:22, 12:16] = 5
    desk.session.commit(Edit("dab", "human", (Patch(BOX, desk.session.volume.read(BOX), labels),)))
    grow(desk, (2, 20, 14))
    found = desk.session.volume.read(BOX)[0]
    assert (found[8:40, 8:26] == 5).all()
    assert not found[:, 36:].any()
    assert desk.session.undo_name == "grow object 5"
    desk.do("undo")
    np.testing.assert_array_equal(desk.session.volume.read(BOX), labels)


def test_what_is_painted_while_an_object_grows_stays(desk: Any, engine: Any) -> None:
    desk.viewer.dims.set_current_step(0, 2)
    desk.do("predict")
    labels = np.zeros((1, 48, 64), np.uint32)
    labels[0, 18:22, 12:16] = 5
    desk.session.commit(Edit("dab", "human", (Patch(BOX, desk.session.volume.read(BOX), labels),)))
    engine.hold = True
    grow(desk, (2, 20, 14))
    desk.session.volume[2, 12:14, 12:14] = 9
    engine.release()
    found = desk.session.volume.read(BOX)[0]
    assert (found[12:14, 12:14] == 9).all()
    assert (found[15:40, 8:26] == 5).all()


def test_grow_in_empty_space_is_a_new_object(desk: Any) -> None:
    desk.viewer.dims.set_current_step(0, 2)
    grow(desk, (2, 20, 45))
    found = desk.session.volume.read(BOX)[0]
    assert found[20, 45] > 0
    assert (found[8:40, 38:56] == found[20, 45]).all()
    assert not found[:, :28].any()
    assert desk.sayings["proofread"].text.startswith("New object")


def test_grow_leaves_proofread_sections_alone(labelled: Any) -> None:
    labelled.session.mark(2, Status.PROOFREAD)
    grow(labelled, (2, 20, 15))
    assert labelled.sayings["proofread"].tone == "error"
