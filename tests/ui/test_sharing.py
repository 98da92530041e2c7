"""Copies, packs, corrections and exports, from the buttons of the real window."""

from __future__ import annotations

import csv
import io
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QPushButton

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.packing import unpack_project
from napari_emseg.io import open_array, open_image, write_array
from napari_emseg.session import Session
from napari_emseg.ui.flows import sharing
from napari_emseg.ui.flows.opening import show

SHAPE = (6, 48, 64)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, str]]:
    """What the person chooses in the next file dialog, by its title."""
    chosen: dict[str, tuple[str, str]] = {}

    def ask(_parent: Any, title: str, *_: Any) -> tuple[str, str]:
        return chosen[title.split(":")[0]]

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", ask)
    return chosen


def click(dock: Any, qtbot: Any, name: str) -> None:
    button = dock.findChild(QPushButton, name)
    assert button is not None, name
    qtbot.waitUntil(lambda: button.isVisible() and button.isEnabled(), timeout=5000)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def said(dock: Any, qtbot: Any, stage: str, words: str) -> str:
    qtbot.waitUntil(
        lambda: stage in dock.desk.sayings and words in dock.desk.sayings[stage].text and not dock.desk.work,
        timeout=10000,
    )
    return str(dock.desk.sayings[stage].text)


def test_a_disk_that_is_full_when_a_copy_begins_is_said_and_leaves_nothing(
    labelled: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def freeze(folder: Path, beside: Path) -> None:
        (beside / "half").write_text("x")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("napari_emseg.core.copying.freeze", freeze)
    before = sorted(labelled.session.project.folder.parent.iterdir())
    with pytest.raises(EmsegError, match="it is not copied"):
        sharing.copy_to(labelled, tmp_path / "copy.emseg")
    assert sorted(labelled.session.project.folder.parent.iterdir()) == before


def test_a_colleague_gets_a_pack_and_sends_corrections_back(
    opened: Any, qtbot: Any, answers: Any, tmp_path: Path, make_labels: Any
) -> None:
    desk = opened.desk
    desk.session.commit(make_labels(desk.session, (2, 3)))
    answers["Save a copy"] = (str(tmp_path / "second.emseg"), "")
    answers["Pack for a colleague"] = (str(tmp_path / "toy.emseg.zip"), "Without the image (*.emseg.zip)")
    click(opened, qtbot, "do_save_copy")
    said(opened, qtbot, "data", "A copy is in")
    (tmp_path / "toy.emseg.zip").write_bytes(b"of last week")  # the dialog has asked
    click(opened, qtbot, "do_pack")
    said(opened, qtbot, "data", "without the image")
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
    # the colleague works, and so do I
    theirs = Session.open(
        unpack_project(tmp_path / "toy.emseg.zip", tmp_path / "theirs.emseg"), desk.session.image
    )
    theirs.volume[2, 4:44, 30:34] = 1
    theirs.volume[3, 10:20, 10:20] = 2
    theirs.close()
    desk.session.volume[3, 10:15, 10:20] = 0
    desk.sweep()
    answers["Import corrections"] = (str(tmp_path / "theirs.emseg" / "project.json"), "")
    click(opened, qtbot, "do_import_corrections")
    assert "In 1 place both of you worked" in said(opened, qtbot, "data", "both of you")
    labels = desk.session.volume
    assert int(labels[2, 20, 32]) == 1
    assert (int(labels[3, 12, 12]), int(labels[3, 18, 12])) == (0, 2)
    # the header reminds; the page shows it on the canvas; a key decides
    qtbot.waitUntil(lambda: "1 conflict waits" in opened.header.notes.text(), timeout=3000)
    before = len(desk.viewer.layers)
    opened.header.followed.emit("show_conflicts")
    assert opened.conflicts_page.isVisible()
    assert desk.section == 3
    assert len(desk.viewer.layers) == before + 1
    qtbot.waitUntil(lambda: opened.conflicts_page.theirs.isEnabled(), timeout=3000)
    desk.viewer.keymap["Shift-J"](desk.viewer) if "Shift-J" in desk.viewer.keymap else desk.do("take_theirs")
    assert int(labels[3, 12, 12]) == 2
    qtbot.waitUntil(lambda: "Everything is decided" in opened.conflicts_page.says.text(), timeout=3000)
    assert len(desk.viewer.layers) == before
    desk.do("undo")
    assert int(labels[3, 12, 12]) == 0
    qtbot.waitUntil(lambda: "1 conflict waits" in opened.header.notes.text(), timeout=3000)
    desk.do("take_theirs")
    click(opened, qtbot, "close_conflicts")
    qtbot.waitUntil(lambda: not opened.header.notes.isVisible(), timeout=3000)
    # a stranger's project is refused in words
    Session.create(tmp_path / "other.emseg", desk.session.image).close()
    answers["Import corrections"] = (str(tmp_path / "other.emseg" / "project.json"), "")
    click(opened, qtbot, "do_import_corrections")
    said(opened, qtbot, "data", "This is no copy of the open project")


def test_results_are_exported_with_what_they_come_from(
    opened: Any, qtbot: Any, answers: Any, tmp_path: Path, make_labels: Any
) -> None:
    desk = opened.desk
    desk.session.commit(make_labels(desk.session, (2, 3)))
    desk.session.mark(2, "proofread")
    panel = opened.panels["export"]
    click(opened, qtbot, "stage_export")

    def export(what: str, title: str, path: Path, words: str) -> None:
        panel.what.setCurrentIndex(panel.what.findData(what))
        panel.format.setCurrentIndex(panel.format.findData(".h5"))
        answers[f"Export {title}"] = (str(path), "")
        click(opened, qtbot, "do_export")
        said(opened, qtbot, "export", words)

    whole = desk.session.volume[:]
    export("labels", "labels", tmp_path / "all", "labels of 6 sections")
    found, spacing = open_array(tmp_path / "all.h5")
    np.testing.assert_array_equal(found[:], whole)
    assert spacing == (40, 8, 8)
    export("proofread", "labels of proofread sections", tmp_path / "some.h5", "labels of 1 section.")
    found, _ = open_array(tmp_path / "some.h5")
    np.testing.assert_array_equal(found[2], whole[2])
    assert not found[3].any()
    export(
        "probabilities",
        "membrane probability",
        tmp_path / "p.h5",
        "Nothing has been predicted in this window",
    )
    click(opened, qtbot, "stage_predict")
    desk.do("predict")
    qtbot.waitUntil(lambda: 2 in desk.layers.boundary_map.sections and not desk.work, timeout=5000)
    click(opened, qtbot, "stage_export")
    export("probabilities", "membrane probability", tmp_path / "p.h5", "1 of 6 sections")
    export("sections", "table of sections", tmp_path / "s", "6 rows")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "s.csv").read_text("utf-8"))))
    assert (rows[2]["state"], rows[2]["objects"], rows[2]["position_nm"]) == ("proofread", "2", "80.0")
    export("movie", "section movie", tmp_path / "m", "m.gif: 6 sections of")
    with Image.open(tmp_path / "m.gif") as movie:
        assert (movie.n_frames, movie.size) == (6, desk.session.volume.shape[:0:-1])
    panel.what.setCurrentIndex(panel.what.findData("methods"))
    text = panel.text.toPlainText()
    assert "1 of 6 sections were proofread (2)" in text
    assert "with the model membrane" in text
    export("methods", "methods paragraph", tmp_path / "m.txt", "words")
    assert (tmp_path / "m.txt").read_text("utf-8") == panel.text.toPlainText()
    click(opened, qtbot, "copy_methods")
    from qtpy.QtWidgets import QApplication

    assert QApplication.clipboard().text() == text
    qtbot.waitUntil(lambda: opened.spine.lines["export"].word.text() == "done", timeout=3000)


def test_an_image_that_was_moved_alone_is_asked_for(
    dock: Any, qtbot: Any, answers: Any, tmp_path: Path
) -> None:
    image = np.random.default_rng(0).integers(0, 255, SHAPE).astype(np.uint8)
    write_array(tmp_path / "em.tif", image, spacing_nm=(40.0, 8.0, 8.0))
    session = Session.create(tmp_path / "em.emseg", open_image(tmp_path / "em.tif"))
    session.volume[2, 5:9, 5:9] = 4
    session.close()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "em.tif").rename(tmp_path / "elsewhere" / "moved.tif")
    from napari_emseg.ui.flows import opening

    opening.open_path(dock.desk, tmp_path / "em.emseg")
    said(dock, qtbot, "data", "The image of this project is gone")
    answers["Find the image"] = (str(tmp_path / "elsewhere" / "moved.tif"), "")
    click(dock, qtbot, "do_find_image")
    qtbot.waitUntil(lambda: dock.desk.session is not None, timeout=5000)
    assert int(dock.desk.session.volume[2, 6, 6]) == 4
    dock.desk.clear()
    # remembered: next time nobody asks
    again = Session.open(tmp_path / "em.emseg")
    np.testing.assert_array_equal(again.image.data[:], image)
    again.close()
    # another image of another shape is refused
    write_array(tmp_path / "other.tif", image[:3], spacing_nm=(40.0, 8.0, 8.0))
    opening.open_with_image(dock.desk, tmp_path / "em.emseg", tmp_path / "other.tif")
    said(dock, qtbot, "data", "another shape")


def test_a_folder_of_sections_that_was_moved_is_found_by_one_of_them(
    dock: Any, qtbot: Any, answers: Any, tmp_path: Path
) -> None:
    image = np.random.default_rng(0).integers(0, 255, SHAPE).astype(np.uint8)
    write_array(f"{tmp_path / 'em'}/", image, spacing_nm=(40.0, 8.0, 8.0))
    session = Session.create(tmp_path / "em.emseg", open_image(tmp_path / "em"))
    session.volume[2, 5:9, 5:9] = 4
    session.close()
    (tmp_path / "em").rename(tmp_path / "moved")
    from napari_emseg.ui.flows import opening

    opening.open_path(dock.desk, tmp_path / "em.emseg")
    said(dock, qtbot, "data", "The image of this project is gone")
    panel = dock.panels["data"]
    qtbot.waitUntil(lambda: panel.find_image.isVisible(), timeout=3000)
    assert [b.property("role") for b in (panel.find_image, panel.phantom)] == ["primary", ""]
    answers["Find the image"] = (str(tmp_path / "moved" / "0003.png"), "")
    click(dock, qtbot, "do_find_image")
    qtbot.waitUntil(lambda: dock.desk.session is not None, timeout=5000)
    assert dock.desk.session.image.shape == SHAPE
    assert int(dock.desk.session.volume[2, 6, 6]) == 4


def test_a_project_open_elsewhere_is_not_copied_from_here(
    opened: Any, qtbot: Any, session: Session, tmp_path: Path
) -> None:
    from napari_emseg.core.errors import EmsegError
    from napari_emseg.ui.flows import sharing

    first = Session.create(tmp_path / "shared.emseg", session.image)
    show(opened.desk, Session.open(tmp_path / "shared.emseg", session.image))
    with pytest.raises(EmsegError, match="open in another window"):
        sharing.copy_to(opened.desk, tmp_path / "copy.emseg")
    first.close()


@pytest.mark.parametrize("through", ["the image", "the project"])
def test_a_lost_project_file_is_said_and_made_anew(
    dock: Any, qtbot: Any, answers: Any, tmp_path: Path, through: str
) -> None:
    image = np.random.default_rng(0).integers(0, 255, SHAPE).astype(np.uint8)
    write_array(tmp_path / "em.tif", image, spacing_nm=(40.0, 8.0, 8.0))
    session = Session.open_or_create(open_image(tmp_path / "em.tif"))
    session.volume[2, 5:9, 5:9] = 4
    session.close()
    (tmp_path / "em.emseg" / "project.json").write_text('{"format": "napari-em')
    from napari_emseg.ui.flows import opening

    opening.open_path(dock.desk, tmp_path / ("em.tif" if through == "the image" else "em.emseg"))
    said(dock, qtbot, "data", "This project's project.json is damaged")
    assert dock.desk.session is None
    assert dock.desk.sayings["data"].link == "Make it anew"
    answers["Find the image"] = (str(tmp_path / "em.tif"), "")
    dock.panels["data"].says.followed.emit(dock.desk.sayings["data"].action)
    qtbot.waitUntil(lambda: dock.desk.session is not None, timeout=5000)
    assert int(dock.desk.session.volume[2, 6, 6]) == 4
    said(dock, qtbot, "data", "The project file was made anew")
    assert [path.name for path in tmp_path.glob("*.emseg")] == ["em.emseg"]


def test_keys_step_over_what_only_aligned_copies_have(opened: Any, qtbot: Any) -> None:
    click(opened, qtbot, "stage_export")
    panel = opened.panels["export"]
    panel.what.setCurrentIndex(panel.what.findData("probabilities"))
    QTest.keyClick(panel.what, Qt.Key.Key_Down)
    assert panel.chosen() == "sections"
    QTest.keyClick(panel.what, Qt.Key.Key_Up)
    assert panel.chosen() == "probabilities"
