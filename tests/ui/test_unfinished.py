"""Opening another stack, or closing the window or its panel, while long work is being done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QTimer
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_emseg.core.sections import Status
from napari_emseg.session import Session
from napari_emseg.ui import unfinished
from napari_emseg.ui.flows import exporting, opening, synapse_queue
from napari_emseg.ui.runner import Work


@pytest.fixture
def learns(labelled: Any, engine: Any) -> Any:
    """A desk on which a copy of the model has learned a fifth of what it will."""
    labelled.session.mark(2, Status.PROOFREAD)
    engine.hold = True
    labelled.do("train")
    labelled.work["train"] = Work(0.19, "learning", 40.0, {})
    return labelled


def test_another_stack_says_what_ends_with_the_one_before(learns: Any, stack: Any, tmp_path: Path) -> None:
    opening.show(learns, Session.create(tmp_path / "other.emseg", stack))
    assert not learns.work
    assert learns.sayings["data"].text == (
        "Learning (19 %) was stopped with “toy”: learning can go on when “toy” is open again. "
        "6 sections are open."
    )


def test_a_stack_that_is_taken_off_the_list_says_it_too(learns: Any, qapp: Any) -> None:
    learns.viewer.layers.remove(learns.layers.labels)
    assert learns.session is None
    assert "in its project. Learning (19 %) was stopped with “toy”" in learns.sayings["data"].text


def test_what_cannot_go_on_has_to_be_begun_again(learns: Any) -> None:
    learns.work["export"] = Work(-1, "writing cells.tif", None, {})
    assert unfinished.question(learns, "panel") == (
        "Learning (19 %) and Export (writing cells.tif) are not done yet. Closing the panel stops them: "
        "learning can go on when this project is open again, all else has to be begun again."
    )


def test_nothing_is_asked_about_what_nobody_has_begun(desk: Any) -> None:
    """What is read when a project is opened is read again the next time."""
    assert not unfinished.question(desk, "window")
    begun: list[Any] = []
    desk.runner._executor = type("Held", (), {"submit": lambda self, work: begun.append(work)})()
    opening.open_path(desk, "somewhere.tif")
    assert desk.work
    assert begun
    assert {opening._KEY, synapse_queue._LIST} == unfinished._COMES_BACK
    assert not unfinished.question(desk, "window")


def test_nothing_is_asked_about_maps_that_are_not_kept(desk: Any, engine: Any) -> None:
    engine.hold = True
    desk.do("predict")
    assert "predict" in desk.work
    assert not unfinished.question(desk, "window")
    assert not unfinished.ended(desk)
    desk.do("segment")
    assert unfinished.question(desk, "window").startswith("Seeds & segments (")


def answer(word: str, seen: list[str]) -> None:
    """Press a button of the question that is on the screen a moment from now."""

    def press() -> None:
        box = QApplication.activeModalWidget()
        if box is None:
            QTimer.singleShot(50, press)
            return
        assert isinstance(box, QMessageBox)
        seen.append(f"{box.text()} {box.informativeText()}")
        next(button for button in box.buttons() if word in button.text()).click()

    QTimer.singleShot(50, press)


def test_closing_asks_first(opened: Any, make_labels: Any, engine: Any, qtbot: Any) -> None:
    desk, window, seen = opened.desk, opened.viewer.window._qt_window, []
    desk.session.commit(make_labels(desk.session, (2,)))
    engine.hold = True
    desk.do("propagate")
    answer("Go back", seen)
    event = QCloseEvent()
    assert opened.last_question.eventFilter(window, event), "the window does not hear of it"
    assert not event.isAccepted()
    assert seen[0].startswith("Propagate (finding out what is segmented) is not done yet. Closing the window")
    assert seen[0].endswith("All edits are saved.")
    answer("Stop and close", seen)
    assert not opened.last_question.eventFilter(window, QCloseEvent())
    answer("Go back", seen)
    opened.parentWidget().title.close_button.click()
    qtbot.waitUntil(lambda: len(seen) == 3)
    qtbot.waitUntil(lambda: opened.parentWidget() is not None)
    assert "Closing the panel stops it" in seen[2]
    assert "propagate" in desk.work, "it goes on"
    desk.stop("propagate")
    desk.end_all()
    assert not opened.last_question.eventFilter(window, QCloseEvent()), "nothing is left to ask about"


def test_a_program_that_closes_the_window_is_not_asked(opened: Any, engine: Any, monkeypatch: Any) -> None:
    """`viewer.close` has put the canvas away when the window hears of it."""
    opened.desk.work["export"] = Work(-1, "writing cells.tif", None, {})
    window = opened.viewer.window._qt_window
    with monkeypatch.context() as patch:
        patch.setattr(window._qt_viewer, "isHidden", lambda: True)
        assert not opened.last_question.eventFilter(window, QCloseEvent())
    opened.desk.end_all()


def test_writing_is_asked_about(labelled: Any, tmp_path: Path) -> None:
    begun: list[Any] = []
    labelled.runner._executor = type("Held", (), {"submit": lambda self, work: begun.append(work)})()
    exporting.export(labelled, "labels", str(tmp_path / "cells.tif"))
    assert unfinished.question(labelled, "window").startswith("Export (writing cells.tif) is not done yet.")
