"""What people say of synapses: an edit like any other, for undo, crashes, other windows and earlier moments."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from napari_emseg.core.chronicle import events
from napari_emseg.core.edit import Answer, Edit
from napari_emseg.core.errors import EmsegError
from napari_emseg.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

ONE = (1, 10, 10, 1, 10, 14)
TWO = (2, 30, 10, 3, 30, 14)


def said(session: Session) -> dict[Any, str]:
    return {sites: verdict for sites, verdict in session.answers.items() if verdict}


def test_do_undo_redo(session: Session) -> None:
    before = session.label_state
    session.answer(ONE, "right", "answer: one")
    session.answer(ONE, "turned", "answer: one again")
    session.answer(TWO, "wrong", "answer: two")
    assert said(session) == {ONE: "turned", TWO: "wrong"}
    session.undo()
    assert said(session) == {ONE: "turned"}
    session.undo()
    assert said(session) == {ONE: "right"}
    session.undo()
    assert said(session) == {}
    for _ in range(3):
        session.redo()
    assert said(session) == {ONE: "turned", TWO: "wrong"}
    assert session.label_state == before  # numbers that were measured are not out of date


def test_the_same_answer_twice_is_one_edit(session: Session) -> None:
    session.answer(ONE, "right", "answer: one")
    session.answer(ONE, "right", "answer: one")
    assert len(events(session.journal)) == 1


def test_it_outlives_a_kill_and_undo_goes_on(session: Session, crashed: Callable[..., Session]) -> None:
    session.answer(ONE, "wrong", "answer: one")
    session.answer(ONE, "right", "answer: one again")
    session.answer(TWO, "wrong", "answer: two")
    session.undo()
    session.answer(TWO, "turned", "answer: two")
    again = crashed(session)
    assert said(again) == {ONE: "right", TWO: "turned"}
    again.undo()
    again.undo()
    assert said(again) == {ONE: "wrong"}
    again.redo()
    assert said(again) == {ONE: "right"}
    again.close()


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from napari_emseg.core.stack import ImageStack
from napari_emseg.session import Session
image = ImageStack(np.zeros((4, 40, 50), np.uint8), (50.0, 4.6, 4.6), "sample", "toy", "sample:toy")
session = Session.create(Path(sys.argv[1]), image)
session.answer((1, 10, 10, 1, 10, 14), "right", "answer: one")
session.answer((2, 30, 10, 3, 30, 14), "wrong", "answer: two")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9_loses_no_answer(tmp_path: Any, toy: Callable[..., Any]) -> None:
    folder = tmp_path / "killed.emseg"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    session = Session.open(folder, toy())
    assert said(session) == {ONE: "right", TWO: "wrong"}
    session.undo()
    assert said(session) == {ONE: "right"}
    session.close()


def test_an_earlier_moment_brings_its_answers_back(session: Session, fill: Callable[..., Edit]) -> None:
    session.answer(ONE, "right", "answer: one")
    moment = events(session.journal)[0].id
    session.commit(fill(session, 3))
    session.answer(ONE, "wrong", "answer: one")
    session.answer(TWO, "right", "answer: two")
    edit = session.restore(moment)
    assert said(session) == {ONE: "right"}
    assert len(edit.answers) == 2
    session.undo()
    assert said(session) == {ONE: "wrong", TWO: "right"}


def test_the_history_knows_the_place(session: Session) -> None:
    session.answer(TWO, "right", "answer: synapse of 3 and 4 is right")
    event = events(session.journal)[0]
    assert event.name == "answer: synapse of 3 and 4 is right"
    assert event.sections == (2, 3)
    assert event.place == (2, 30, 12)


def test_a_window_that_only_reads_keeps_up(session: Session, toy: Callable[..., Any]) -> None:
    reader = Session.open(session.project.folder, toy())
    assert reader.read_only
    with pytest.raises(EmsegError, match="read-only"):
        reader.answer(ONE, "right", "answer: one")
    session.answer(ONE, "right", "answer: one")
    assert reader.refresh() == 1
    assert said(reader) == {ONE: "right"}
    session.undo()
    reader.refresh()
    assert said(reader) == {}
    reader.close()


def test_answers_beside_labels_are_one_edit(session: Session, fill: Callable[..., Edit]) -> None:
    patches = fill(session, 7).patches
    session.commit(Edit("both", "human", patches, answers=(Answer(ONE, "", "right"),)))
    assert int(session.volume[0, 0, 0]) == 7
    session.undo()
    assert (int(session.volume[0, 0, 0]), said(session)) == (0, {})


def test_the_journal_stays_of_its_version(session: Session) -> None:
    """Earlier programs take such an edit back as one that changes nothing: there is no new table for them to refuse."""
    session.answer(ONE, "right", "answer: one")
    with sqlite3.connect(session.project.journal) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
        assert json.loads(db.execute("SELECT extras FROM edits").fetchone()[0]) == {
            "answers": [[list(ONE), "", "right"]]
        }
    db.close()


def test_an_answer_that_is_too_old_to_be_taken_back_stands(
    session: Session, reopened: Callable[[Session], Session], fill: Callable[..., Edit]
) -> None:
    session.answer(ONE, "right", "answer: one")
    session.history.limit_bytes = 1
    for value in (1, 2):
        session.commit(fill(session, value))
    assert "answer: one" not in session.history.names()
    again = reopened(session)
    assert said(again) == {ONE: "right"}
    again.close()
