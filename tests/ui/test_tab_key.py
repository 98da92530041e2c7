"""All that the dock does can be done without a mouse."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QListWidgetItem, QPushButton

from napari_emseg.ui.state import STAGES

_TOO_MANY = 60


def tab(dock: Any) -> Any:
    """Where Tab leads to."""
    QTest.keyClick(dock.window().focusWidget(), Qt.Key.Key_Tab)
    return dock.window().focusWidget()


def test_tab_leads_from_the_stages_into_the_open_one_and_escape_to_the_canvas(
    opened: Any, qtbot: Any
) -> None:
    last, first = opened.spine.lines[STAGES[-1][0]], opened.spine.lines["predict"]
    first.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(first, Qt.Key.Key_Space)
    assert opened.desk.stage == "predict"
    for stage in ("train", "segment", "data", "proofread", "segment"):  # also one that was open before
        opened.desk.open_stage(stage)
        qtbot.waitUntil(lambda: not opened._refresh_waits, timeout=3000)
        panel = opened.panels[stage]
        last.setFocus(Qt.FocusReason.TabFocusReason)
        reached = []
        while panel.isAncestorOf(one := tab(opened)) and len(reached) < _TOO_MANY:
            reached.append(one)
        wanted = {
            button
            for button in panel.findChildren(QPushButton)
            if button.isVisible() and button.isEnabled() and button.focusPolicy() != Qt.FocusPolicy.NoFocus
        }
        assert wanted, stage
        assert wanted <= set(reached), stage
        assert reached[0].mapTo(panel, reached[0].rect().center()).y() < panel.height() / 3, (
            "the first from above"
        )
    opened.desk.open_stage("cleanup")
    shifts = opened.panels["cleanup"].alignment.table
    tables = (opened.panels["measure"].table, opened.panels["synapses"].table, shifts)
    assert not any(table.tabKeyNavigation() for table in tables), "Tab would go round and round in it"
    opened.desk.open_stage("segment")
    opened.panels["segment"].button.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(opened.window().focusWidget(), Qt.Key.Key_Escape)
    assert opened.window().focusWidget() is opened._canvas()


def test_a_suggestion_is_gone_to_with_the_keyboard(opened: Any, monkeypatch: Any) -> None:
    from napari_emseg.ui import next_page

    gone: list[Any] = []
    monkeypatch.setattr(next_page.suggesting, "look_at", lambda desk, one, closely: gone.append(one))
    page = opened.next_page
    opened.desk.asked.emit("next")
    item = QListWidgetItem("Section 3")
    item.setData(next_page._ONE, "section 3")
    page.list.addItem(item)
    page.list.setFocus(Qt.FocusReason.TabFocusReason)
    assert QApplication.focusWidget() in (page.list, None)
    QTest.keyClick(page.list, Qt.Key.Key_Down)
    page.list.setCurrentItem(item)
    QTest.keyClick(page.list, Qt.Key.Key_Return)
    assert gone == ["section 3"]
    assert page.list.focusPolicy() == Qt.FocusPolicy.TabFocus
