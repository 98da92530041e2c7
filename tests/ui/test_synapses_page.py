"""The page *Synapses* as a person uses it: a button, a list, keys on the canvas, files."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QPushButton

from napari_emseg.ui.view import canvas_size

from .test_synapses import FOUND, SURE, UNKNOWN, UNSURE, cleft_at_the_membrane


def press(dock: Any, name: str) -> None:
    button = dock.findChild(QPushButton, name)
    assert button is not None, name
    assert button.isVisible(), name
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def key(dock: Any, keys: Any, shift: bool = False) -> None:
    canvas = dock.desk.viewer.window._qt_viewer.canvas.native
    modifier = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    QTest.keyClick(canvas, keys, modifier)


@pytest.fixture
def page(opened: Any, make_labels: Any, engine: Any, qtbot: Any) -> Any:
    """Three pairs, the stage open."""
    from napari_emseg.jobs.kept_synapses import keep_synapses
    from napari_emseg.ui.flows import synapse_queue

    desk = opened.desk
    desk.session.commit(make_labels(desk.session, (1, 2, 3)))
    keep_synapses(desk.session, FOUND)
    synapse_queue.take_up(desk)
    qtbot.waitUntil(lambda: opened.spine.isVisible() and not opened._refresh_waits, timeout=5000)
    press(opened, "stage_synapses")  # nothing but this says that the list is wanted
    qtbot.waitUntil(lambda: opened.panels["synapses"].table.isVisible(), timeout=5000)
    return opened


def cells(dock: Any) -> list[str]:
    """The rows of the list as they are read."""
    model = dock.panels["synapses"].table.rows
    return [
        " ".join(str(model.index(k, c).data()) for c in range(model.columnCount())).strip()
        for k in range(model.rowCount())
    ]


def test_the_list_and_the_keys(page: Any, qtbot: Any) -> None:
    panel, desk = page.panels["synapses"], page.desk
    assert cells(page) == ["2 2 → 1 60 % 0.12", "1 1 ? 2 70 % 0.09", "1 1 → 2 90 % 0.09"]
    assert not panel.answers[0].isEnabled()
    desk.viewer.scene.camera.zoom = 0.05
    key(page, Qt.Key.Key_Q)
    qtbot.waitUntil(lambda: desk.synapses.chosen == UNSURE.sites, timeout=3000)
    height, _ = canvas_size(desk.viewer)
    assert height / desk.viewer.scene.camera.zoom < 2500, "nm: a cleft is seen"
    qtbot.waitUntil(panel.answers[0].isEnabled, timeout=3000)
    key(page, Qt.Key.Key_A)
    qtbot.waitUntil(lambda: desk.synapses.chosen == UNKNOWN.sites, timeout=3000)
    key(page, Qt.Key.Key_T, shift=True)
    qtbot.waitUntil(lambda: desk.synapses.chosen == SURE.sites, timeout=3000)
    key(page, Qt.Key.Key_Q, shift=True)
    key(page, Qt.Key.Key_D, shift=True)
    said = ["2 2 → 1 60 % 0.12 right", "1 2 → 1 70 % 0.09 turned", "1 1 → 2 90 % 0.09 no pair"]
    qtbot.waitUntil(lambda: cells(page) == said, timeout=3000)
    qtbot.waitUntil(lambda: page.spine.lines["synapses"].word.text() == "3 / 3", timeout=3000)
    desk.do("undo")
    qtbot.waitUntil(lambda: cells(page)[2] == "1 1 → 2 90 % 0.09", timeout=3000)
    table = panel.table
    qtbot.waitUntil(lambda: table.currentIndex().row() == 2, timeout=3000)


def test_a_row_leads_to_its_synapse(page: Any, qtbot: Any) -> None:
    table, desk = page.panels["synapses"].table, page.desk
    place = table.visualRect(table.rows.index(2, 1)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: desk.synapses.chosen == SURE.sites, timeout=3000)
    assert desk.section == 1
    assert "Is that right?" in page.panels["synapses"].says.text()


def test_found_with_the_button_and_what_is_said_next(
    opened: Any, engine: Any, qtbot: Any, make_labels: Any
) -> None:
    engine.answers["napari_emseg.jobs.predict:run"] = cleft_at_the_membrane
    desk, panel = opened.desk, opened.panels["synapses"]
    press(opened, "stage_synapses")
    assert opened.spine.lines["synapses"].word.text() == "needs segments"
    assert not panel.button.isEnabled()
    desk.session.commit(make_labels(desk.session, (1, 2, 3)))
    qtbot.waitUntil(panel.button.isEnabled, timeout=3000)
    assert not panel.table.isVisible()
    assert (panel.first.value(), panel.last.value()) == (0, 5)
    panel.first.setValue(1)
    panel.last.setValue(2)
    press(opened, "do_find_synapses")
    qtbot.waitUntil(lambda: bool(desk.synapses.found) and not desk.work, timeout=20000)
    qtbot.waitUntil(panel.table.isVisible, timeout=3000)
    assert [request.region.start[0] for name, request, _ in engine.asked if "predict" in name] == [1, 2]
    assert "1 pair of cells" in panel.says.text()
    assert "Find synapses anew" in panel.button.text()
    assert not panel.form.isVisible()


def test_a_voxel_size_given_later_leaves_the_sections_that_were_chosen(page: Any) -> None:
    from napari_emseg.ui.flows.opening import set_spacing

    desk, panel = page.desk, page.panels["synapses"]
    panel.first.setValue(1)
    panel.last.setValue(2)
    set_spacing(desk, (30.0, 5.0, 5.0))
    assert desk.synapses.span == (panel.first.value(), panel.last.value()) == (1, 2)


def test_files_are_saved_from_the_page(page: Any, qtbot: Any, tmp_path: Any, monkeypatch: Any) -> None:
    desk = page.desk
    desk.session.answer(SURE.sites, "wrong", "answer")
    for button, name in (("do_save_synapse_table", "t"), ("do_save_synapse_sites", "t")):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, n=name: (str(tmp_path / n), ""))
        qtbot.waitUntil(page.findChild(QPushButton, button).isEnabled, timeout=10000)
        press(page, button)
        qtbot.waitUntil(lambda: not desk.work, timeout=10000)
    qtbot.waitUntil((tmp_path / "t.hdf").exists, timeout=10000)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        assert [row["checked"] for row in csv.DictReader(file)] == ["wrong", "not seen", "not seen"]
    qtbot.waitUntil(lambda: "1 wrong left out" in page.panels["synapses"].says.text(), timeout=5000)


def test_everything_fits_a_small_screen(page: Any, qtbot: Any) -> None:
    desk, panel = page.desk, page.panels["synapses"]
    desk.do("next_synapse")
    desk.say(
        "synapses", "Pair 12 of 104, synapse 87, 51 % sure: 123456 (orange) to 123457 (blue). Is that right?"
    )
    qtbot.wait(100)
    assert page.stage_area.verticalScrollBar().maximum() == 0
    assert panel.minimumSizeHint().width() <= page.stage_area.viewport().width()
    for widget in (*panel.answers, panel.next, panel.save, panel.says):
        assert widget.visibleRegion().boundingRect().size() == widget.size()
    panel.shown.click()
    assert not any(layer.visible for layer in desk.layers.synapses)


def test_with_the_settings_unfolded_the_page_scrolls_and_squeezes_nothing(page: Any, qtbot: Any) -> None:
    panel, window = page.panels["synapses"], page.desk.viewer.window._qt_window
    window.resize(1366, 620)
    page.desk.say(
        "synapses", "18 synapses, 45 pairs of cells (1 without a direction), 2 without a pair. " * 2
    )
    press(page, "synapse_settings")
    qtbot.waitUntil(lambda: page.stage_area.verticalScrollBar().maximum() > 0, timeout=3000)
    qtbot.wait(50)
    for widget in (panel.fold.button, panel.fold.inner, panel.form, panel.table, panel.button):
        assert widget.height() >= widget.minimumSizeHint().height(), widget
    assert panel.says.height() >= panel.says.heightForWidth(panel.says.width())


def test_another_project_has_another_list(page: Any, qtbot: Any, stack: Any, tmp_path: Any) -> None:
    from napari_emseg.session import Session
    from napari_emseg.ui.flows.opening import show

    desk, panel = page.desk, page.panels["synapses"]
    desk.do("next_synapse")
    show(desk, Session.create(tmp_path / "other.emseg", stack))
    qtbot.waitUntil(lambda: not panel.table.isVisible(), timeout=3000)
    assert desk.synapses.chosen is None
    assert not desk.layers.synapses
