"""What becomes an edit, whose pixels win, and who is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_emseg.core.edit import Edit, Mark, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import SectionState, Status
from napari_emseg.proofread.merge import merge
from napari_emseg.session import Session

SHAPE = (4, 40, 50)


def test_a_stroke_becomes_one_human_edit(session: Session) -> None:
    heard: list[Edit] = []
    session.edited.connect(heard.append)
    session.volume[1, 3:6, 4:9] = 7
    session.volume[1, 5:8, 4:9] = 7
    edit = session.commit_stroke("paint 7")
    assert edit is not None
    assert heard == [edit]
    assert (edit.name, edit.source, edit.sections) == ("paint 7", "human", (1,))
    assert edit.patches[0].region == Region((1, 3, 4), (2, 8, 9))
    assert session.undo_name == "paint 7"
    assert session.correction_count(1) == 1
    assert session.commit_stroke() is None


def test_empty_edits_are_ignored(session: Session, fill: Any) -> None:
    session.commit(fill(session, 0))
    session.mark(0, Status.UNSEEN)
    assert not session.can_undo


def test_an_outdated_edit_is_refused(session: Session, fill: Any, labels: Any) -> None:
    edit = fill(session, 3)
    session.commit(fill(session, 1, Region((0, 0, 0), (1, 1, 1))))
    with pytest.raises(EmsegError, match="changed since"):
        session.commit(edit)
    assert labels(session).sum() == 1
    assert session.history.names() == ["fill 1"]


def test_overlapping_patches_apply_in_order_and_undo_exactly(
    session: Session, labels: Any, crashed: Any
) -> None:
    box = Region((0, 0, 0), (1, 2, 2))
    zero, one, two = (np.full((1, 2, 2), v, np.uint32) for v in (0, 1, 2))
    session.commit(Edit("twice", "human", (Patch(box, zero, one), Patch(box, one, two))))
    assert labels(session)[0, 0, 0] == 2
    again = crashed(session)
    assert labels(again)[0, 0, 0] == 2
    again.undo()
    assert labels(again).max() == 0
    again.close()


def test_human_pixels_win(session: Session, labels: Any) -> None:
    session.volume[0, :5, :5] = 3
    session.volume[1, :5, :5] = 4
    session.volume[2, :5, :5] = 5
    session.commit_stroke()
    session.mark(0, Status.PROOFREAD)
    session.lock(4)
    marks = [Mark(z, session.sections[z], SectionState(Status.PREDICTED)) for z in range(4)]
    edit = session.around_people("accept", "model", Region.full(SHAPE), np.full(SHAPE, 8), marks=marks)
    session.commit(edit)
    now = labels(session)
    assert (now[0, 0, 0], now[0, 9, 9], now[1, 0, 0], now[1, 9, 9], now[2, 0, 0]) == (3, 0, 4, 8, 8)
    assert [str(s.status) for s in session.sections] == ["proofread", "predicted", "predicted", "predicted"]
    assert session.correction_count(2) == 1
    session.undo()
    assert labels(session)[2, 0, 0] == 5


def test_undoing_a_correction_takes_it_out_of_the_count(session: Session, fill: Any, reopened: Any) -> None:
    session.volume[1, 0, 0] = 3
    session.commit_stroke()
    session.commit(fill(session, 9, source="model"))
    assert [session.correction_count(z) for z in range(4)] == [0, 1, 0, 0]
    session.undo()
    session.undo()
    assert session.correction_count(1) == 0
    session.redo()
    again = reopened(session)
    assert [again.correction_count(z) for z in range(4)] == [0, 1, 0, 0]
    again.close()


def test_corrections_that_can_no_longer_be_undone_still_count(session: Session, reopened: Any) -> None:
    for x in range(3):
        session.volume[0, 0, x] = 4
        session.commit_stroke()
    session.history.limit_bytes = 1
    session.volume[0, 0, 3] = 4
    session.commit_stroke()
    session.volume[0, 0, 4] = 4
    session.commit_stroke()  # the journal notes here what was forgotten before
    again = reopened(session)
    assert len(again.history.names()) < 5
    assert again.correction_count(0) == 5
    again.close()


def test_an_id_is_never_given_twice_not_even_after_a_crash(session: Session, crashed: Any) -> None:
    """What had id 50 was deleted, and is on the disk: the journal need not be replayed for it."""
    session.volume[0, 0, 0] = 50
    session.commit_stroke()
    session.volume[0, 0, 0] = 0
    session.commit_stroke()
    session.volume.pages.out.flush()  # as the background thread does it
    session.mark(1, Status.PREDICTED)  # the journal notes here what is written
    again = crashed(session)
    assert again.replayed < 2
    assert again.volume.next_ids() == 51
    again.close()


def test_signals(session: Session) -> None:
    heard: list[object] = []
    session.sections_changed.connect(lambda z: heard.append(("section", z)))
    session.history_changed.connect(lambda: heard.append("history"))
    session.locked_changed.connect(lambda: heard.append("locked"))
    session.model_changed.connect(lambda name: heard.append(("model", name)))
    session.mark(2, Status.PREDICTED)
    session.lock(5)
    session.model = "other"
    session.model = "other"
    assert heard == [("section", 2), "history", "locked", "history", ("model", "other")]


def test_what_is_locked_already_is_not_locked_again(session: Session) -> None:
    session.lock(4)
    again = session.lock(4)
    assert again.locks == ()
    session.undo()
    assert session.locked == set()


def test_labels_of_a_closed_project_can_still_be_read(session: Session, fill: Any) -> None:
    """napari makes another layer of them, which stays where the stack is closed."""
    session.commit(fill(session, 3, Region((0, 0, 0), (1, 40, 50))))
    session.commit(fill(session, 5, Region((1, 0, 0), (2, 40, 50))))
    session.commit(merge(session.volume, (3, 5)))
    session.close()
    session.volume.pages.pages.clear()
    assert [set(np.unique(session.volume[z])) for z in range(3)] == [{3}, {3}, {0}]
