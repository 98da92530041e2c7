"""Closing a window, its panel or a stack, or opening another one, while the disk does not take what was painted last."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_emseg.core.errors import EmsegError
from napari_emseg.session import Session


@pytest.fixture
def disk() -> SimpleNamespace:
    return SimpleNamespace(is_full=True)


@pytest.fixture
def unsaved(opened: Any, disk: SimpleNamespace, monkeypatch: Any) -> Iterator[Any]:
    """The dock with a stroke that the disk does not take."""
    keep = opened.desk.session._ledger.commit_stroke

    def refuse(*args: Any, **more: Any) -> Any:
        if disk.is_full:
            raise EmsegError("paint is not saved (the disk is full)", "journal.sqlite", "free some space")
        return keep(*args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(opened.desk.session._ledger, "commit_stroke", refuse)
        opened.desk.session.volume[2, 0, 0] = 5
        yield opened


def answer(word: str, seen: list[str]) -> None:
    """Press a button of the question that is on the screen a moment from now."""

    def press() -> None:
        box = QApplication.activeModalWidget()
        if box is None:  # a slow machine has not shown it yet
            QTimer.singleShot(50, press)
            return
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


def test_the_panel_is_not_closed_over_strokes_that_are_not_saved(unsaved: Any, qtbot: Any) -> None:
    """It comes back where it was, with the stack; closed by its cross, as a person does."""
    window, session, seen = unsaved.viewer.window, unsaved.desk.session, []
    answer("Go back", seen)
    unsaved.parentWidget().title.close_button.click()
    qtbot.waitUntil(lambda: bool(seen))
    qtbot.waitUntil(lambda: unsaved.parentWidget() is not None)
    assert "is lost when the panel is closed. Paint is not saved (the disk is full)" in seen[0]
    assert window.dock_widgets["EM proofreading"] is unsaved
    qtbot.waitUntil(unsaved.isVisible)
    assert unsaved.desk.session is session
    assert session.volume[2, 0, 0] == 5
    answer("Close and lose it", seen)
    unsaved.parentWidget().title.close_button.click()
    qtbot.waitUntil(lambda: unsaved.desk.session is None)
    assert len(seen) == 2
    assert "EM proofreading" not in window.dock_widgets


def test_a_panel_with_nothing_unsaved_closes_without_a_question(opened: Any, qtbot: Any) -> None:
    opened.desk.session.volume[2, 0, 0] = 5
    opened.parentWidget().title.close_button.click()
    qtbot.waitUntil(lambda: opened.desk.session is None)


@pytest.mark.parametrize(
    "gone", [("labels",), ("image",), ("labels", "image"), ("image", "boundary", "labels", "seeds")]
)
def test_layers_with_strokes_that_are_not_saved_come_back(
    unsaved: Any, disk: SimpleNamespace, qtbot: Any, gone: tuple[str, ...]
) -> None:
    desk, layers, session = unsaved.desk, unsaved.desk.layers, unsaved.desk.session
    listed = desk.viewer.layers
    for name in gone:
        listed.remove(getattr(layers, name))
    qtbot.waitUntil(lambda: layers.image in listed and layers.labels in listed)
    assert desk.session is session
    assert listed.index(layers.image) < listed.index(layers.labels)
    assert listed.selection.active is layers.labels
    assert int(layers.labels.data[2, 0, 0]) == 5
    said = desk.sayings[desk.stage]
    assert said.text.startswith(
        "What was painted last is not saved and would be lost, so the layer is back. Paint is"
    )
    assert said.tone == "error"
    disk.is_full = False  # now nothing is lost, and the stack closes
    listed.remove(layers.labels)
    qtbot.waitUntil(lambda: desk.session is None)
    assert desk.sayings["data"].text.startswith("The stack is closed")
    again = Session.open(session.project.folder, session.image)
    assert int(again.volume[2, 0, 0]) == 5
    again.close()


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


def test_strokes_that_were_refused_are_saved_by_themselves(
    unsaved: Any, disk: SimpleNamespace, qtbot: Any, monkeypatch: Any
) -> None:
    """Nobody does anything, and nothing more is said until it is done."""
    desk, session, seen = unsaved.desk, unsaved.desk.session, []
    desk.sweep()
    assert unsaved.waiting.timer.isActive()
    desk.said.connect(lambda stage, saying: seen.append(saying.text))
    unsaved.waiting.timer.setInterval(20)
    monkeypatch.setattr("napari_emseg.ui.waiting.EVERY_MS", 20)
    qtbot.wait(200)
    assert not seen
    disk.is_full = False
    qtbot.waitUntil(lambda: bool(seen))
    assert session.undo_name == "paint"
    assert not unsaved.waiting.timer.isActive()
    qtbot.wait(100)
    assert seen == ["Everything that was painted is saved now."]


def test_a_stroke_that_is_just_painted_is_not_cut_in_two(
    unsaved: Any, disk: SimpleNamespace, monkeypatch: Any
) -> None:
    unsaved.desk.sweep()
    disk.is_full = False
    with monkeypatch.context() as patch:
        patch.setattr(QApplication, "mouseButtons", lambda: Qt.MouseButton.LeftButton)
        unsaved.waiting.look()
        assert unsaved.desk.waits_for_disk
    unsaved.waiting.look()
    assert not unsaved.desk.waits_for_disk


def test_a_journal_that_is_still_locked_does_not_hold_the_window_up(opened: Any) -> None:
    """One second of waiting is for the person's own stroke, not for tries that nobody asked for."""
    desk, session = opened.desk, opened.desk.session
    with closing(sqlite3.connect(session.project.journal, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        session.volume[2, 0, 0] = 5
        desk.sweep()
        began = time.monotonic()
        opened.waiting.look()
        assert time.monotonic() - began < 0.3
        assert desk.waits_for_disk
        other.execute("ROLLBACK")
    opened.waiting.look()
    assert session.undo_name == "paint"


def test_layers_that_come_back_show_the_section_that_was_shown(
    unsaved: Any, disk: SimpleNamespace, qtbot: Any
) -> None:
    """napari forgets where its slider stands when nothing with sections is left, of the person's own layers either."""
    desk, listed = unsaved.desk, unsaved.desk.viewer.layers
    desk.viewer.add_points(np.zeros((1, 2)))
    assert desk.section == 2
    for layer in desk.layers.owned:
        listed.remove(layer)
    qtbot.waitUntil(lambda: desk.layers.image in listed and desk.layers.labels in listed)
    qtbot.wait(50)
    assert desk.section == 2
    assert desk.viewer.dims.current_step[0] == 2
    disk.is_full = False
    for layer in [layer for layer in desk.layers.owned if layer in listed]:
        listed.remove(layer)
    qtbot.waitUntil(lambda: desk.session is None)
    desk.do(desk.sayings["data"].action)
    assert desk.section == 2
    assert desk.viewer.dims.current_step[0] == 2


def test_a_script_that_ends_with_its_window_open_closes_it() -> None:
    """PyQt destroys what is left of a window of this size with a crash now and then."""
    code = """
        import atexit
        from qtpy.QtWidgets import QApplication

        @atexit.register  # before the window is opened, so called after what closes it
        def look():
            left = [w for w in QApplication.topLevelWidgets() if w.isVisible()]
            print(f"{len(left)} windows are left", flush=True)

        from napari_emseg.ui.window import open_window
        viewer, dock = open_window()
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["0 windows are left"]), done.stderr
