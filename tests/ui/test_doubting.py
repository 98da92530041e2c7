"""The queue of doubtful links, walked through on the toy stack: cells 1 and 2 in sections 1 to 3."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.jobs.doubts import Doubt, read_doubts, remember
from napari_emseg.proofread.delete import delete
from napari_emseg.ui.flows.doubting import (
    accept_doubt,
    decide_later,
    next_doubt,
    previous_doubt,
    reject_doubt,
)
from napari_emseg.ui.flows.proofreading import interpolate

FIRST = Doubt((1, 20, 15), (2, 20, 15), "same", 0.7)
SECOND = Doubt((2, 20, 45), (3, 20, 45), "same", 0.75)


@pytest.fixture
def doubting(labelled: Any) -> Any:
    remember(labelled.session, [FIRST, SECOND], range(6))
    return labelled


def column(desk: Any, x: int) -> list[int]:
    return [int(desk.session.volume[z, 20, x]) for z in (1, 2, 3)]


def test_there_and_back_least_certain_first(doubting: Any) -> None:
    next_doubt(doubting)
    assert (doubting.doubt, doubting.section) == (FIRST, 2)
    next_doubt(doubting)
    assert (doubting.doubt, doubting.section) == (SECOND, 3)
    previous_doubt(doubting)
    assert doubting.doubt == FIRST
    assert doubting.doubts == {2, 3}


def test_accepting_changes_no_label_and_goes_on(doubting: Any) -> None:
    next_doubt(doubting)
    accept_doubt(doubting)
    assert column(doubting, 15) == [1, 1, 1]
    assert doubting.doubt == SECOND
    assert {d.verdict for d in read_doubts(doubting.session)} == {"right", ""}


def test_an_answer_that_changes_no_label_is_taken_back_before_the_edit_before_it(doubting: Any) -> None:
    doubting.session.mark(1, "proofread")
    next_doubt(doubting)
    accept_doubt(doubting)
    decide_later(doubting)
    assert [d.verdict for d in read_doubts(doubting.session)] == ["right", "later"]
    doubting.do("undo")
    assert doubting.doubt == SECOND
    doubting.do("undo")
    assert [d.verdict for d in read_doubts(doubting.session)] == ["", ""]
    assert doubting.doubt == FIRST
    assert doubting.doubts == {2, 3}
    assert doubting.sayings["proofread"].text.startswith("Your answer is taken back. Doubt 1 of 2")
    assert doubting.session.sections[1].status == "proofread"
    doubting.do("redo")
    assert [d.verdict for d in read_doubts(doubting.session)] == ["right", ""]
    doubting.do("undo")
    doubting.do("undo")
    assert doubting.session.sections[1].status != "proofread"
    doubting.do("redo")
    assert doubting.session.sections[1].status == "proofread"


def test_rejecting_parts_the_object_and_undo_takes_it_back(doubting: Any) -> None:
    next_doubt(doubting)
    reject_doubt(doubting)
    one, two, three = column(doubting, 15)
    assert one == 1
    assert two == three != 1
    assert column(doubting, 45) == [2, 2, 2]
    assert doubting.doubts == {3}
    doubting.undo()
    assert column(doubting, 15) == [1, 1, 1]
    assert doubting.doubts == {2, 3}  # what is undone waits again
    doubting.redo()
    assert doubting.doubts == {3}
    assert doubting.doubt == SECOND
    doubting.do("undo")
    assert doubting.doubt.key == FIRST.key, "what is answered anew is on the screen"
    assert "between sections 1 and 2. Doubt 1 of 2: object 1 " in doubting.sayings["proofread"].text


def test_later_at_the_end_of_the_queue_goes_on_too(doubting: Any) -> None:
    next_doubt(doubting)
    for expected in (SECOND, FIRST, SECOND, FIRST):
        decide_later(doubting)
        assert doubting.doubt.key == expected.key


def test_later_and_the_end_of_the_queue(doubting: Any) -> None:
    next_doubt(doubting)
    decide_later(doubting)
    assert doubting.doubt == SECOND
    accept_doubt(doubting)
    assert doubting.doubt is not None
    assert doubting.doubt.verdict == "later"
    accept_doubt(doubting)
    assert doubting.doubt is None
    assert doubting.doubts == frozenset()


def test_leaving_a_section_out_settles_its_doubts(doubting: Any) -> None:
    next_doubt(doubting)
    assert doubting.doubt == FIRST
    doubting.session.mark(1, Status.EXCLUDED, "fold")
    assert doubting.doubts == {3}
    assert doubting.doubt is None, "it is on the screen no longer, and not answered by a key"
    doubting.do("undo")
    assert doubting.doubts == {2, 3}


def test_deciding_without_a_doubt(labelled: Any) -> None:
    next_doubt(labelled)
    with pytest.raises(EmsegError, match="no doubt is chosen"):
        accept_doubt(labelled)


def test_interpolating_the_chosen_object(labelled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mouse is over the gap that is to be filled; there is another one in section 4."""
    session = labelled.session
    cell = np.array(session.volume[2]) == 1
    session.volume[2, cell] = 0
    session.volume[5, cell] = 1
    labels = labelled.layers.labels
    labels.selected_label = 1
    monkeypatch.setattr(labelled.viewer, "mouse_over_canvas", True)
    labelled.viewer.cursor.position = labels.data_to_world((2, *np.argwhere(cell)[0]))
    interpolate(labelled)
    np.testing.assert_array_equal(np.array(session.volume[2]) == 1, cell)
    assert not (np.array(session.volume[4]) == 1).any()


def test_interpolating_goes_around_what_is_proofread_and_locked(labelled: Any) -> None:
    session = labelled.session
    cell = np.array(session.volume[2]) == 1
    for z in (1, 2, 3, 4):
        session.volume[z, cell] = int(z in (1, 4))
    theirs = cell.copy()
    theirs[:, np.flatnonzero(cell.any(axis=0))[3:]] = False
    session.volume[2, theirs] = 7
    session.commit_stroke()
    session.lock(7)
    session.mark(3, "proofread")
    labelled.layers.labels.selected_label = 1
    interpolate(labelled)
    np.testing.assert_array_equal(np.array(session.volume[2]) == 7, theirs)
    np.testing.assert_array_equal(np.array(session.volume[2]) == 1, cell & ~theirs)
    assert not np.array(session.volume[3])[cell].any()


def test_interpolating_leaves_out_what_is_left_out_and_says_so(labelled: Any) -> None:
    session = labelled.session
    cell = np.array(session.volume[2]) == 1
    session.volume[4, cell] = 1
    for z in (2, 3):
        session.volume[z, np.array(session.volume[z]) == 1] = 0
    session.mark(3, "excluded", "fold")
    labelled.layers.labels.selected_label = 1
    interpolate(labelled)
    np.testing.assert_array_equal(np.array(session.volume[2]) == 1, cell)
    assert not (np.array(session.volume[3]) == 1).any()
    assert "Section 3 is left out and stays as it is." in labelled.sayings["proofread"].text


def test_the_doubt_is_ringed_and_its_stage_opened(doubting: Any) -> None:
    doubting.open_stage("propagate")
    chosen = doubting.viewer.layers.selection.active
    doubting.layers.labels.selected_label = 99
    next_doubt(doubting)
    assert doubting.stage == "proofread"
    rings = doubting.layers.rings
    assert rings.data.tolist() == [list(FIRST.at_a), list(FIRST.at_b)]
    assert doubting.viewer.layers.selection.active is chosen
    assert doubting.layers.labels.selected_label == int(doubting.session.volume[FIRST.at_b])
    assert rings.face_color[:, 3].tolist() == [0, 0]
    assert rings.border_width.tolist() == [0.08, 0.08]
    accept_doubt(doubting)
    accept_doubt(doubting)
    assert not rings.visible


def test_doubts_about_objects_that_undo_took_away_do_not_wait(doubting: Any, make_labels: Any) -> None:
    third = Doubt((3, 20, 15), (4, 20, 15), "same", 0.5)
    doubting.session.commit(make_labels(doubting.session, (4,)))
    remember(doubting.session, [FIRST, SECOND, third], range(6))
    next_doubt(doubting)
    assert doubting.doubt == third
    doubting.undo()
    assert doubting.doubts == {2, 3}
    next_doubt(doubting)
    assert doubting.doubt == FIRST
    doubting.redo()
    assert doubting.doubts == {2, 3, 4}


@pytest.mark.parametrize("is_undone_before", [False, True])
def test_an_answer_that_is_undone_after_a_restart_waits_again(
    doubting: Any, tmp_path: Any, is_undone_before: bool
) -> None:
    from napari_emseg.session import Session
    from napari_emseg.ui.flows.opening import show

    next_doubt(doubting)
    reject_doubt(doubting)
    accept_doubt(doubting)  # changes no label
    if is_undone_before:
        doubting.undo()
    folder, image = doubting.session.project.folder, doubting.session.image
    doubting.clear()
    show(doubting, Session.open(folder, image))
    if not is_undone_before:
        assert doubting.doubts == frozenset()
        doubting.undo()
    assert column(doubting, 15) == [1, 1, 1]
    assert doubting.doubts == {2}
    doubting.redo()
    assert column(doubting, 15) != [1, 1, 1]
    assert doubting.doubts == frozenset()


def test_no_mark_is_drawn_where_a_section_has_no_ring(doubting: Any) -> None:
    next_doubt(doubting)
    rings = doubting.layers.rings
    assert rings.canvas_size_limits[0] > 0
    doubting.viewer.dims.set_current_step(0, 5)
    assert rings.canvas_size_limits[0] == 0  # napari draws a mark of size 0 in the corner: it may not grow
    doubting.viewer.dims.set_current_step(0, 1)
    assert rings.canvas_size_limits[0] > 0


def test_doubts_about_an_object_that_is_deleted_everywhere_do_not_wait(doubting: Any) -> None:
    next_doubt(doubting)
    doubting.session.commit(delete(doubting.session.volume, [1]))
    assert doubting.doubts == {3}
    next_doubt(doubting)
    assert doubting.doubt == SECOND
    doubting.undo()
    assert doubting.doubts == {2, 3}
    doubting.redo()
    assert doubting.doubts == {3}
