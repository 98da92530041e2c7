"""Projects, packs and tables that are dropped onto the canvas, as Qt tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.packing import pack_project
from napari_emseg.core.stack import ImageStack
from napari_emseg.io import write_array
from napari_emseg.io.napari_hooks import get_reader
from napari_emseg.session import Session

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that does not lie beside its image."""
    write_array(tmp_path / "em.tif", np.full((3, 20, 30), 9, np.uint8), spacing_nm=(40.0, 8.0, 8.0))
    stack = ImageStack(
        np.full((3, 20, 30), 9, np.uint8), (40.0, 8.0, 8.0), "file", "em", str(tmp_path / "em.tif")
    )
    (tmp_path / "elsewhere").mkdir()
    Session.create(tmp_path / "elsewhere" / "mine.emseg", stack).close()
    return tmp_path / "elsewhere" / "mine.emseg"


def drop(dock: Any, *paths: Path) -> None:
    carried = QMimeData()
    carried.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    canvas = dock.desk.viewer.window._qt_viewer
    here, copy, held, none = (
        QPoint(50, 50), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(canvas, QDragEnterEvent(here, copy, carried, held, none))
    QApplication.sendEvent(canvas, QDropEvent(QPointF(here), copy, carried, held, none))


def test_a_project_that_is_dropped_is_opened(dock: Any, project: Path, qtbot: Any) -> None:
    drop(dock, project)
    qtbot.waitUntil(lambda: dock.desk.session is not None, timeout=5000)
    assert dock.desk.session.project.folder == project


def test_a_pack_that_is_dropped_is_unpacked_and_opened(
    dock: Any, project: Path, tmp_path: Path, qtbot: Any
) -> None:
    pack_project(project, tmp_path / "theirs.emseg.zip")
    drop(dock, tmp_path / "theirs.emseg.zip")
    qtbot.waitUntil(lambda: dock.desk.session is not None, timeout=5000)
    assert dock.desk.session.project.folder == tmp_path / "theirs.emseg"


def test_what_is_no_project_is_left_to_napari(dock: Any, tmp_path: Path, monkeypatch: Any) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        dock.desk.viewer.window._qt_viewer, "_qt_open", lambda paths, **more: seen.append(paths)
    )
    drop(dock, tmp_path / "em.tif", tmp_path / "other.tif")
    assert seen
    assert dock.desk.session is None


def test_a_table_without_points_is_said_and_one_with_points_is_napari_s(
    dock: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    seen: list[Any] = []
    canvas = dock.desk.viewer.window._qt_viewer
    monkeypatch.setattr(canvas, "_qt_open", lambda paths, **more: seen.append([*map(str, paths)]))
    tables = {
        "errors": "object_id,voxels,pieces\n1,160,2\n",
        "points": "index,axis-0,axis-1\n0,1.0,2.0\n",
        "catmaid": "skeleton_id, treenode_id, parent_treenode_id, x, y, z, r\n",
    }
    for name, text in tables.items():
        (tmp_path / f"{name}.csv").write_text(text)
        drop(dock, tmp_path / f"{name}.csv")
    assert seen == [[str(tmp_path / f"{name}.csv")] for name in ("points", "catmaid")]
    said = dock.desk.sayings[dock.desk.stage]
    assert said.tone == "error"
    assert said.text == (
        "This table holds no points that could be drawn: it has no columns axis-0 and axis-1 (errors.csv): "
        "open it with a spreadsheet."
    )


def test_a_project_is_not_taken_for_a_folder_of_sections(project: Path) -> None:
    read = get_reader(str(project))
    assert read is not None
    with pytest.raises(EmsegError, match=r"this is a project, .*mine\.emseg, open it in the panel"):
        read(str(project))
