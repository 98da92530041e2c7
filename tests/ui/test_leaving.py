"""Closing a window, or opening another stack, while the disk does not take what was painted last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QTimer
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_emseg.core.errors import EmsegError
from napari_emseg.session import Session


@pytest.fixture
def unsaved(opened: Any, monkeypatch: Any) -> Iterator[Any]:
    """The dock with a stroke that the disk does not take."""

    def refuse(*_: Any, **__: Any) -> None:
        raise EmsegError("paint is not saved (the disk is full)", "journal.sqlite", "free some space")

    with monkeypatch.context() as patch:
        patch.setattr(opened.desk.session._ledger, "commit_stroke", refuse)
        opened.desk.session.volume[2, 0, 0] = 5
        yield opened


def answer(word: str, seen: list[str]) -> None:
    """Press a button of the question that is on the screen a moment from now."""

    def press() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        seen.append(f"{box.text()} {box.informativeText()}")
        next(button for button in box.buttons() if word in button.text()).click()

    QTimer.singleShot(50, press)


def test_the_window_is_not_closed_over_strokes_that_are_not_saved(unsaved: Any) -> None:
    window, seen = unsaved.viewer.window._qt_window, []
    answer("Go back", seen)
    event = QCloseEvent()
    assert unsaved.last_question.eventFilter(window, event), "the window does not hear of it"
    assert not event.isAccepted()
    why = "Paint is not saved (the disk is full) (journal.sqlite): free some space."
    assert f"is lost when the window is closed. {why}" in seen[0]
    answer("Close and lose it", seen)
    assert not unsaved.last_question.eventFilter(window, QCloseEvent())
    assert len(seen) == 2


def test_a_window_with_nothing_unsaved_closes_without_a_question(opened: Any) -> None:
    opened.desk.session.volume[2, 0, 0] = 5
    assert not opened.last_question.eventFilter(opened.viewer.window._qt_window, QCloseEvent())
    assert opened.desk.session.undo_name == "paint", "it is saved at once"


def test_another_stack_does_not_take_the_place_of_strokes_that_are_not_saved(
    unsaved: Any, stack: Any, tmp_path: Path
) -> None:
    desk, first = unsaved.desk, unsaved.desk.session
    other = Session.create(tmp_path / "other.emseg", stack)
    with pytest.raises(EmsegError, match="paint is not saved"):
        desk.show(other)
    assert desk.session is first
    assert desk.layers.labels in desk.viewer.layers
    assert first.volume[2, 0, 0] == 5
    Session.open(tmp_path / "other.emseg", stack).close()  # the other one is free again


def test_a_desk_that_must_close_ends_its_engine(desk: Any, monkeypatch: Any, engine: Any) -> None:
    def refuse() -> None:
        raise EmsegError("paint is not saved", "", "")

    assert desk.engine is engine
    with monkeypatch.context() as patch:
        patch.setattr(desk.session, "close", refuse)
        desk.close()
    assert engine.closed
