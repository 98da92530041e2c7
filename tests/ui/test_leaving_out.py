"""Why a section is left out: asked and answered with the keys of the canvas."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_emseg.core.sections import SectionState, Status


@pytest.fixture
def press(opened: Any) -> Any:
    """Presses a key while the mouse, and with it the keys, are over the canvas."""
    canvas = opened.desk.viewer.window._qt_viewer.canvas.native

    def key(which: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        canvas.setFocus()
        QTest.keyClick(canvas, which, modifier)
        QTest.qWait(20)

    return key


def test_the_digit_answers_and_is_no_tool_of_napari(opened: Any, press: Any) -> None:
    desk, why = opened.desk, opened.panels["proofread"].why
    mode = str(desk.layers.labels.mode)
    press(Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    assert why.isVisible()
    press(Qt.Key.Key_3)
    assert desk.session.sections[2] == SectionState(Status.EXCLUDED, "missing")
    assert str(desk.layers.labels.mode) == mode
    assert not why.isVisible()
    press(Qt.Key.Key_2)  # nothing is asked any more: napari's brush
    assert str(desk.layers.labels.mode) == "paint"


def test_the_digit_of_the_answer_brings_no_earlier_tool_back(
    opened: Any, press: Any, monkeypatch: Any
) -> None:
    labels = opened.desk.layers.labels
    press(Qt.Key.Key_1)
    press(Qt.Key.Key_2)
    assert str(labels.mode) == "paint"
    monkeypatch.setattr("time.time", lambda: 1e12)  # long after; napari asks how long a key was held
    press(Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    press(Qt.Key.Key_1)
    assert opened.desk.session.sections[2] == SectionState(Status.EXCLUDED, "fold")
    assert str(labels.mode) == "paint"
    press(Qt.Key.Key_1)
    assert str(labels.mode) == "erase"


def test_escape_keeps_the_section_and_other_keys_go_on(opened: Any, press: Any) -> None:
    desk, why = opened.desk, opened.panels["proofread"].why
    press(Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    press(Qt.Key.Key_Period)
    assert desk.section == 3  # one may look at the neighbours before the answer
    assert why.isVisible()
    press(Qt.Key.Key_Escape)
    assert not why.isVisible()
    assert [state.status for state in desk.session.sections] == [Status.UNSEEN] * 6
