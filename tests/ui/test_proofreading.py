"""Correcting sections and marking them; without a window."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.sections import Status
from napari_emseg.proofread.delete import delete
from napari_emseg.ui.flows import proofreading
from napari_emseg.ui.tools import CutTool, MergeTool

CELL_1, CELL_2 = (2, 20, 15), (2, 20, 45)


def ids(desk: Any, z: int) -> np.ndarray:
    return desk.session.volume.read(Region((z, 0, 0), (z + 1, 48, 64)))[0]


def world(desk: Any, point: tuple[int, int, int]) -> Any:
    return desk.layers.labels.data_to_world(point)


def test_merge_by_clicks(labelled: Any) -> None:
    labelled.do("merge")
    assert isinstance(labelled.tool, MergeTool)
    labelled.tool.click_world(world(labelled, CELL_1))
    assert labelled.layers.labels.selected_label == 1
    labelled.tool.click_world(world(labelled, CELL_2))
    assert ids(labelled, 2)[CELL_2[1:]] == 1
    assert ids(labelled, 3)[CELL_2[1:]] == 1
    labelled.do("put_down")
    assert labelled.tool is None
    labelled.do("undo")
    assert ids(labelled, 2)[CELL_2[1:]] == 2


def test_a_click_beside_every_object_is_refused_in_words(labelled: Any) -> None:
    labelled.do("merge")
    labelled.tool.click_world(world(labelled, (2, 1, 1)))
    assert labelled.sayings["proofread"].tone == "error"
    assert "no object under the click" in labelled.sayings["proofread"].text
    labelled.tool.click_world((1e9, 1e9, 1e9))


def test_cut_by_two_clicks(labelled: Any) -> None:
    labelled.do("merge")
    labelled.tool.click_world(world(labelled, CELL_1))
    labelled.tool.click_world(world(labelled, CELL_2))
    labelled.session.volume[2, 20:24, 30:34] = 1  # a bridge between the two
    labelled.do("cut")
    assert isinstance(labelled.tool, CutTool)
    labelled.tool.click_world(world(labelled, CELL_1))
    labelled.tool.click_world(world(labelled, CELL_2))
    found = ids(labelled, 2)
    assert found[CELL_1[1:]] == 1
    assert found[CELL_2[1:]] not in (0, 1)


def test_two_clicks_cut_along_the_membrane_that_was_predicted(labelled: Any) -> None:
    """The object is a bar without a neck; its membrane is near one of the clicks, and faint."""
    volume, layers = labelled.session.volume, labelled.layers
    volume[2, 10:40, 5:60] = 1
    left, right = (2, 20, 10), (2, 20, 50)
    seen = np.random.default_rng(0).uniform(0, 0.002, (1, 48, 64))
    seen[:, :, 43:46] = 0.05
    layers.boundary_map.write(Region((2, 0, 0), (3, 48, 64)), seen)
    before = ids(labelled, 2).copy()
    labelled.do("cut")
    for click in (left, right):
        labelled.tool.click_world(world(labelled, click))
    found = ids(labelled, 2)
    assert (found[10:40, 5:43] == 1).all()
    assert (found[10:40, 46:60] == found[right[1:]]).all()
    assert found[right[1:]] != 1
    assert "along the membrane" in labelled.sayings["proofread"].text
    labelled.do("undo")
    np.testing.assert_array_equal(ids(labelled, 2), before)
    layers.boundary_map.clear()
    for click in (left, right):
        labelled.tool.click_world(world(labelled, click))
    assert "no membranes are predicted here" in labelled.sayings["proofread"].text
    assert ids(labelled, 2)[left[1:]] != ids(labelled, 2)[right[1:]]


def test_in_three_dimensions_dragging_turns_the_view_also_with_a_tool_that_draws(labelled: Any) -> None:
    labels, dims = labelled.layers.labels, labelled.viewer.dims
    labelled.do("cut")
    assert not labels.mouse_pan
    dims.ndisplay = 3
    assert labels.mouse_pan
    dims.ndisplay = 2
    assert not labels.mouse_pan
    labelled.do("put_down")
    dims.ndisplay = 3
    assert labels.mouse_pan
    labelled.do("cut")
    assert labels.mouse_pan
    labelled.do("put_down")
    dims.ndisplay = 2
    assert labels.mouse_pan


def test_cut_along_a_line(labelled: Any) -> None:
    labelled.do("cut")
    labelled.tool.draw_world([world(labelled, (2, 2, 15)), world(labelled, (2, 46, 15))])
    found = ids(labelled, 2)
    assert len({int(found[20, 8]), int(found[20, 24])}) == 2
    assert ids(labelled, 1)[20, 8] == ids(labelled, 1)[20, 24] == 1


def test_the_line_of_a_cut_is_drawn_under_the_mouse_also_where_the_stack_begins_elsewhere(
    labelled: Any,
) -> None:
    for layer in (labelled.layers.image, *labelled.layers.overlays):
        layer.translate = (0, 3000, 5000)
    labelled.do("cut")
    path = [world(labelled, (2, 2, 15)), world(labelled, (2, 46, 15))]
    labelled.tool.drag_world(path)
    line = labelled.viewer.layers["cut"]
    np.testing.assert_allclose([line.data_to_world(corner) for corner in line.data[0]], path)
    labelled.tool.draw_world(path)
    assert not line.data
    labelled.tool.drag_world(path)
    assert labelled.viewer.layers["cut"] is line, "a new layer for each line takes half a second"
    labelled.viewer.layers.remove(line)
    labelled.tool.drag_world(path)
    assert len(labelled.viewer.layers["cut"].data) == 1
    labelled.set_tool(None)
    assert "cut" not in labelled.viewer.layers


def test_a_locked_object_survives_segmenting(labelled: Any) -> None:
    labelled.layers.labels.selected_label = 2
    labelled.do("lock")
    assert labelled.session.locked == {2}
    before = ids(labelled, 2) == 2
    labelled.do("segment")
    np.testing.assert_array_equal(ids(labelled, 2) == 2, before)
    labelled.do("undo")
    labelled.do("undo")
    assert labelled.session.locked == set()


def test_marking_goes_on_to_the_next_section(labelled: Any) -> None:
    labelled.session.volume[2, 20, 31] = 1
    labelled.do("mark_proofread")
    assert labelled.session.sections[2].status is Status.PROOFREAD
    assert labelled.section == 3
    assert labelled.sayings["proofread"].text.startswith(
        "Section 2 is proofread with 1 correction, 67 % of it labelled."
    )
    labelled.do("undo")
    assert labelled.session.sections.proofread == ()


def test_an_empty_section_cannot_be_right(labelled: Any) -> None:
    labelled.viewer.dims.set_current_step(0, 5)
    labelled.do("mark_proofread")
    assert labelled.session.sections[5].status is Status.UNSEEN
    assert labelled.sayings["proofread"].action == "segment"


def test_excluding_asks_why_and_can_be_undone(labelled: Any) -> None:
    asked: list[str] = []
    labelled.asked.connect(asked.append)
    labelled.do("exclude")
    assert asked == ["exclude"]
    proofreading.exclude_because(labelled, "fold")
    state = labelled.session.sections[2]
    assert (state.status, state.reason) == (Status.EXCLUDED, "fold")
    labelled.do("undo")
    assert labelled.session.sections[2].status is Status.UNSEEN


def test_going_round_skips_what_is_marked(labelled: Any) -> None:
    labelled.session.mark(3, Status.PROOFREAD)
    labelled.session.mark(4, Status.EXCLUDED, "fold")
    labelled.do("next_unproofread")
    assert labelled.section == 5
    labelled.do("next_section")
    assert labelled.section == 5
    labelled.do("previous_section")
    assert labelled.section == 4


def test_a_section_that_was_emptied_everywhere_is_not_right(labelled: Any) -> None:
    section = labelled.section
    own = np.unique(ids(labelled, section))
    labelled.session.commit(delete(labelled.session.volume, own[own > 0].tolist()))
    assert not ids(labelled, section).any()
    labelled.do("mark_proofread")
    assert "nothing in this section to be right" in labelled.sayings["proofread"].text
    assert labelled.session.sections[section].status is not Status.PROOFREAD


def test_a_mark_that_was_taken_back_elsewhere_is_not_spoken_of(labelled: Any) -> None:
    """The stage went on offering to learn from a section that was not proofread."""
    labelled.do("mark_proofread")
    labelled.open_stage("train")
    labelled.do("undo")
    assert not labelled.sayings["proofread"].text
    assert labelled.sayings["train"].text.startswith("Taken back: mark section 2 proofread")
    labelled.do("redo")
    labelled.do("mark_proofread")
    assert labelled.sayings["proofread"].action
