"""Progress appears only for work that lasts, and can be stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_emseg.core.stack import ImageStack
from napari_emseg.session import Session
from napari_emseg.ui.durations import in_words, took
from napari_emseg.ui.flows.opening import show
from napari_emseg.ui.progress_line import ProgressLine


def test_quick_work_shows_nothing(qtbot: Any) -> None:
    line = ProgressLine()
    qtbot.addWidget(line)
    line.show_progress(-1, "looking", None)
    line.finish()
    qtbot.wait(350)
    assert line.isHidden()


def test_long_work_shows_bar_time_and_stop(qtbot: Any) -> None:
    line = ProgressLine()
    qtbot.addWidget(line)
    line.show_progress(-1, "looking", None)
    line.show_progress(0.25, "looking", 12.4)
    qtbot.waitUntil(line.isVisible, timeout=2000)
    assert (line.bar.fraction, line.words.text()) == (0.25, "looking, 12 s left")
    line.bar.grab()
    with qtbot.waitSignal(line.stopped):
        qtbot.mouseClick(line.stop, Qt.MouseButton.LeftButton)
    line.finish()
    assert line.isHidden()


def test_long_words_do_not_make_the_dock_wider(qtbot: Any) -> None:
    line = ProgressLine()
    qtbot.addWidget(line)
    line.show_progress(0.5, "learning which membranes are true, and which of them are none at all", 700)
    assert line.minimumSizeHint().width() < 300


def test_the_work_of_a_closed_project_is_not_shown_beside_the_next(
    opened: Any, engine: Any, tmp_path: Path, qtbot: Any
) -> None:
    desk, line = opened.desk, opened.panels["predict"].progress
    engine.hold = True
    desk.do("predict")
    qtbot.waitUntil(lambda: not line.isHidden(), timeout=5000)
    other = ImageStack(np.zeros((6, 48, 64), np.uint8), (40.0, 8.0, 8.0), "file", "other", "")
    show(desk, Session.create(tmp_path / "other.emseg", other))
    assert not desk.work
    assert line.isHidden()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.3, "a moment"), (4.4, "4 s"), (130, "about 2 min"), (5400, "about 1.5 h")],
)
def test_times_are_rounded_for_people(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(3.14, "3.1 s"), (37.2, "37 s"), (147.2, "2.5 min"), (7200, "2 h")]
)
def test_what_has_passed_is_rounded_for_people(seconds: float, words: str) -> None:
    assert took(seconds) == words
