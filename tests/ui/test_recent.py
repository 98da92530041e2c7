"""The list of recent projects on the first page, by mouse and by keyboard."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_emseg.core import recent
from napari_emseg.io import open_image, write_array
from napari_emseg.session import Session


@pytest.fixture
def projects(model: Path, tmp_path: Path) -> list[Path]:
    """Two projects that were open, the second one last, and one that is gone."""
    folders = []
    for name in ("gone", "first", "second"):
        path = tmp_path / f"{name}.tif"
        write_array(path, np.zeros((2, 16, 16), np.uint8), spacing_nm=(40.0, 8.0, 8.0))
        session = Session.open_or_create(open_image(path))
        session.close()
        recent.remember(session.project.folder, name)
        folders.append(session.project.folder)
    shutil.rmtree(folders[0])
    return folders


def shown(dock: Any) -> list[str]:
    return [button.text().partition("  ·  ")[0] for button in dock.panels["data"].recent.buttons]


def test_they_stand_on_the_first_page_and_the_keyboard_opens_one(
    projects: list[Path], dock: Any, qtbot: Any
) -> None:
    data = dock.panels["data"]
    qtbot.waitUntil(lambda: len(data.recent.buttons) == 3, timeout=3000)
    assert shown(dock) == ["second", "first", "gone"]
    assert data.recent.isVisible()
    assert data.recent.buttons[2].text().endswith("not there any more")
    first = data.recent.buttons[1]
    assert first.focusPolicy() & Qt.FocusPolicy.TabFocus
    first.setFocus()
    QTest.keyClick(first, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: dock.desk.session is not None, timeout=5000)
    assert dock.desk.session.project.folder == projects[1]
    assert not data.recent.isVisible()
    assert data.folder.isVisible()  # folders and projects can be opened from here, too
    assert [Path(one.folder).stem for one in recent.recent()] == ["first", "second", "gone"]
    dock.desk.clear()
    qtbot.waitUntil(lambda: data.recent.isVisible() and shown(dock)[0] == "first", timeout=3000)


def test_a_missing_one_is_said_and_taken_off(projects: list[Path], dock: Any, qtbot: Any) -> None:
    data = dock.panels["data"]
    qtbot.waitUntil(lambda: len(data.recent.buttons) == 3, timeout=3000)
    data.recent.buttons[2].click()
    assert str(projects[0]) in data.says.saying.text
    data.says.followed.emit(data.says.saying.action)
    qtbot.waitUntil(lambda: shown(dock) == ["second", "first"], timeout=3000)


def test_those_that_are_gone_do_not_push_the_others_out(
    projects: list[Path], dock: Any, qtbot: Any, tmp_path: Path
) -> None:
    for n in range(10):
        recent.remember(tmp_path / f"away {n}.emseg", "away")
    dock.panels["data"].recent.load()
    expected = ["second", "first", "away 9", "away 8"]
    qtbot.waitUntil(lambda: shown(dock) == expected, timeout=3000)


def test_a_damaged_list_is_no_trouble(dock: Any, qtbot: Any, model: Path) -> None:
    (model.parent.parent / "recent.json").write_text("{")
    dock.panels["data"].recent.load()
    qtbot.wait(50)
    assert not dock.panels["data"].recent.isVisible()
