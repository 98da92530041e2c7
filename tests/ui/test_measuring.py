"""The stage *Measure* as a person uses it: a button, a table, a click on a row, files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QPushButton

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.sections import Status
from napari_emseg.ui.measuring.table import words_of

AREA_PX = 40 * 26  # of each cell of the toy
VOLUME_UM3 = 6 * AREA_PX * 40 * 64e-9


@pytest.fixture
def cells(opened: Any, make_labels: Any) -> Any:
    """Both cells in all sections, the stage open."""
    desk = opened.desk
    desk.session.commit(make_labels(desk.session, range(6)))
    press(opened, "stage_measure")
    return opened


def press(dock: Any, name: str) -> None:
    from qtpy.QtTest import QTest

    button = dock.findChild(QPushButton, name)
    assert button is not None, name
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def measured(dock: Any, qtbot: Any, name: str = "do_measure") -> Any:
    panel = dock.panels["measure"]
    qtbot.waitUntil(lambda: panel.button.isEnabled(), timeout=5000)
    press(dock, name)
    qtbot.waitUntil(lambda: dock.desk.measurement is not None and not dock.desk.work, timeout=20000)
    qtbot.waitUntil(lambda: panel.table.isVisible(), timeout=5000)
    return panel


def test_all_objects_are_measured_in_the_worker(cells: Any, qtbot: Any, engine: Any) -> None:
    panel = measured(cells, qtbot)
    assert [(name, lane) for name, _, lane in engine.asked][-1] == (
        "napari_emseg.jobs.measure:run",
        "background",
    )
    first, second = cells.desk.measurement.objects
    assert (first["id"], second["id"]) == (1, 2)
    assert first["volume_um3"] == pytest.approx(VOLUME_UM3)
    assert panel.table.rows.rowCount() == 2
    assert "2 objects, 0 contacts" in panel.says.text()
    qtbot.waitUntil(lambda: cells.spine.lines["measure"].word.text() == "done", timeout=5000)


def test_a_row_leads_to_its_object(cells: Any, qtbot: Any) -> None:
    panel = measured(cells, qtbot)
    table, desk = panel.table, cells.desk
    table.select(2)
    place = table.visualRect(table.currentIndex()).center()
    desk.layers.labels.selected_label = 1
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: desk.layers.labels.selected_label == 2, timeout=5000)
    qtbot.waitUntil(lambda: "Object 2:" in panel.says.text(), timeout=5000)
    assert "µm³ in 6 sections" in panel.says.text()


def test_columns_sort_by_value(cells: Any, qtbot: Any) -> None:
    panel = measured(cells, qtbot)
    table = panel.table
    table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    assert [table.rows.index(k, 0).data() for k in range(2)] == ["2", "1"]
    table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert [table.rows.index(k, 0).data() for k in range(2)] == ["1", "2"]


def test_the_picked_object_alone(cells: Any, qtbot: Any) -> None:
    desk, panel = cells.desk, cells.panels["measure"]
    desk.layers.labels.selected_label = 2
    qtbot.waitUntil(lambda: panel.one.text() == "Measure object 2", timeout=5000)
    measured(cells, qtbot, "do_measure_object")
    assert [row["id"] for row in desk.measurement.objects] == [2]
    assert desk.measurement.objects[0]["volume_um3"] == pytest.approx(VOLUME_UM3)
    # what all objects gave stays, with the row of one made anew
    measured(cells, qtbot)
    qtbot.waitUntil(lambda: panel.one.isEnabled(), timeout=5000)
    press(cells, "do_measure_object")
    qtbot.waitUntil(lambda: "Object 2:" in panel.says.text() and not desk.work, timeout=10000)
    assert [row["id"] for row in desk.measurement.objects] == [1, 2]
    # but not beside numbers of other labels
    region = Region((0, 10, 10), (1, 12, 12))
    before = desk.session.volume.read(region)
    desk.session.commit(Edit("paint", "human", (Patch(region, before, before * 0 + 2),)))
    qtbot.waitUntil(lambda: panel.one.isEnabled(), timeout=5000)
    press(cells, "do_measure_object")
    qtbot.waitUntil(lambda: len(desk.measurement.objects) == 1 and not desk.work, timeout=10000)


def test_numbers_that_are_out_of_date_say_so(cells: Any, qtbot: Any) -> None:
    panel, desk = measured(cells, qtbot), cells.desk
    assert not panel.old.isVisible()
    region = Region((0, 10, 10), (1, 12, 12))
    before = desk.session.volume.read(region)
    desk.session.commit(Edit("paint", "human", (Patch(region, before, before * 0 + 2),)))
    qtbot.waitUntil(lambda: panel.old.isVisible() and panel.button.isEnabled(), timeout=5000)
    qtbot.waitUntil(lambda: cells.spine.lines["measure"].word.text() == "out of date", timeout=5000)
    press(cells, "do_measure")
    qtbot.waitUntil(lambda: not panel.old.isVisible() and not desk.work, timeout=10000)


def test_undo_makes_the_numbers_true_again(cells: Any, qtbot: Any) -> None:
    panel, desk = measured(cells, qtbot), cells.desk
    region = Region((0, 10, 10), (1, 12, 12))
    before = desk.session.volume.read(region)
    desk.session.commit(Edit("paint", "human", (Patch(region, before, before * 0 + 2),)))
    qtbot.waitUntil(panel.old.isVisible, timeout=5000)
    assert "the labels have changed since" in panel.old.text()
    desk.do("undo")
    qtbot.waitUntil(lambda: not panel.old.isVisible(), timeout=5000)
    qtbot.waitUntil(lambda: cells.spine.lines["measure"].word.text() == "done", timeout=5000)


def test_what_is_painted_while_it_is_measured_makes_it_old(cells: Any, qtbot: Any, engine: Any) -> None:
    engine.hold = True
    press(cells, "do_measure")
    desk, panel = cells.desk, cells.panels["measure"]
    qtbot.waitUntil(lambda: bool(engine.held), timeout=5000)
    region = Region((0, 10, 10), (1, 12, 12))
    before = desk.session.volume.read(region)
    desk.session.commit(Edit("paint", "human", (Patch(region, before, before * 0 + 2),)))
    engine.release()
    qtbot.waitUntil(lambda: desk.measurement is not None, timeout=10000)
    qtbot.waitUntil(panel.old.isVisible, timeout=5000)


def test_other_settings_are_said_as_well(cells: Any, qtbot: Any) -> None:
    panel = measured(cells, qtbot)
    panel.form.editor("gap_nm").focus_widget.setValue(70)
    assert "what is measured has changed since" in panel.old.text()
    panel.form.editor("gap_nm").focus_widget.setValue(0)
    assert not panel.old.isVisible()


def test_numbers_are_there_when_the_project_is_opened_again(cells: Any, qtbot: Any) -> None:
    from napari_emseg.session import Session
    from napari_emseg.ui.flows.opening import show

    measured(cells, qtbot)
    desk, panel = cells.desk, cells.panels["measure"]
    for section in range(6):  # marks change no labels
        desk.session.mark(section, Status.PREDICTED)
    folder, image, rows = desk.session.project.folder, desk.session.image, desk.measurement.objects
    desk.clear()
    qtbot.waitUntil(lambda: not panel.table.isVisible(), timeout=5000)
    show(desk, Session.open(folder, image))
    desk.open_stage("measure")
    qtbot.waitUntil(panel.table.isVisible, timeout=5000)
    assert desk.measurement.objects == rows
    assert panel.table.rows.rowCount() == 2
    assert desk.sayings["measure"].text.startswith("2 objects, 0 contacts.")
    assert "Measured on 20" in desk.sayings["measure"].text
    qtbot.waitUntil(lambda: cells.spine.lines["measure"].word.text() == "done", timeout=5000)
    assert not panel.old.isVisible()


def test_the_table_has_room_for_eight_rows_on_a_small_screen(cells: Any, qtbot: Any) -> None:
    panel = measured(cells, qtbot)
    cells.desk.viewer.window._qt_window.resize(1366, 768)
    assert not panel.form.isVisible()
    qtbot.waitUntil(
        lambda: panel.table.viewport().height() >= 8 * panel.table.verticalHeader().defaultSectionSize(),
        timeout=5000,
    )
    assert cells.stage_area.verticalScrollBar().maximum() == 0
    press(cells, "measure_settings")
    assert panel.form.isVisible()


def test_tables_and_a_report_are_saved(
    cells: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = measured(cells, qtbot)
    answers = {"Save the tables": str(tmp_path / "mine"), "Save a report": str(tmp_path / "report")}
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda _p, title, *_: (answers[title], ""))
    press(cells, "do_save_measurements")
    qtbot.waitUntil(lambda: "mine.csv: 2 objects" in panel.says.text(), timeout=5000)
    with (tmp_path / "mine.csv").open(encoding="utf-8", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["1", "2"]
    assert (tmp_path / "mine-contacts.csv").read_text("utf-8").startswith("id_a,id_b,contact_area_um2")
    press(cells, "do_save_measure_report")
    qtbot.waitUntil(lambda: "tables, figures and texts" in panel.says.text(), timeout=20000)
    text = (tmp_path / "report" / "methods.txt").read_text("utf-8")
    assert "2 objects of “toy”" in text
    assert "Objects were segmented in the stack “toy”" in text
    assert (tmp_path / "report" / "calibre.png").is_file()


def test_settings_are_kept_in_the_project(cells: Any, qtbot: Any) -> None:
    panel, desk = cells.panels["measure"], cells.desk
    panel.form.editor("gap_nm").focus_widget.setValue(70)
    assert desk.settings("measure").gap_nm == 70
    measured(cells, qtbot)
    assert len(desk.measurement.contacts) == 1  # four pixels of 8 nm lie between the cells


def test_stopping_leaves_no_numbers(cells: Any, qtbot: Any, engine: Any) -> None:
    engine.hold = True
    press(cells, "do_measure")
    panel = cells.panels["measure"]
    qtbot.waitUntil(lambda: bool(engine.held), timeout=5000)
    assert cells.desk.runner.is_running("measure")
    qtbot.waitUntil(lambda: panel.progress.isVisible(), timeout=5000)
    assert cells.desk.measurement is None


def test_an_unknown_voxel_size_is_asked_for_first(desk: Any, make_labels: Any) -> None:
    from napari_emseg.ui.state import Facts, resolve

    state = next(s for s in resolve(Facts(has_stack=True, labelled_sections=2)) if s.name == "measure")
    assert (state.word, state.needs) == ("needs voxel size", "data")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("id", 1234567, "1234567"),
        ("volume_um3", 0.0123456, "0.0123"),
        ("volume_um3", 0.0023456, "0.002"),
        ("volume_um3", 0.0000899, "< 0.001"),
        ("calibre_median_nm", 182.4, "182"),
        ("length_nm", 12345.0, "12.3"),
        ("contact_area_um2", None, ""),
        ("contact_area_um2", 0.0, "0"),
    ],
)
def test_numbers_are_for_people(name: str, value: float | None, words: str) -> None:
    assert words_of(name, value) == words
