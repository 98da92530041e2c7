"""What is dropped into the window and is no picture: projects and packs are opened, tables of no points are named as such."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.project import is_project
from napari_emseg.ui.flows import opening

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_emseg.ui.desk import Desk

_PACK = ".emseg.zip"
_OF_POINTS = {"axis-0", "axis-1"}
"""Columns by which napari knows a table of points or shapes."""
_READ_TABLES = {"napari", "napari-emseg"}
"""Plugins of which it is known here what they make of a table."""


class ProjectDrops(QObject):
    """Opens a project folder (``NAME.emseg``) or a pack that is dropped; everything else is napari's.

    Of a table that holds no points napari would only say that its own reader failed: here it is said why.

    Parameters
    ----------
    desk : Desk
        That opens it.
    canvas : QWidget
        The part of the window that takes drops.
    """

    def __init__(self, desk: Desk, canvas: QWidget, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._canvas = canvas
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Take a drop that is one project, or one table that nobody here can draw."""
        path = _only_file(event) if event.type() == QEvent.Type.Drop and watched is self._canvas else None
        if path is None:
            return bool(super().eventFilter(watched, event))
        if path.name.endswith(_PACK) or is_project(path):
            event.accept()
            self._desk.open_stage("data")
            opening.open_path(self._desk, path)
            return True
        if _is_table_of_no_points(path):
            event.accept()
            error = EmsegError(
                "this table holds no points that could be drawn: it has no columns axis-0 and axis-1", path.name,
                "open it with a spreadsheet",
            )  # fmt: skip
            self._desk.fail(self._desk.stage, error)
            return True
        return bool(super().eventFilter(watched, event))


def _only_file(event: Any) -> Path | None:
    urls = event.mimeData().urls()
    return Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None


def _is_table_of_no_points(path: Path) -> bool:
    """Whether a file is a CSV that neither napari nor this program can show, and nobody else offers to."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    from npe2 import PluginManager

    from napari_emseg.io.annotations import detect_annotations
    from napari_emseg.io.paths import DataPath

    if detect_annotations(DataPath(path)) is not None:
        return False
    if {one.plugin_name for one in PluginManager.instance().iter_compatible_readers(path)} - _READ_TABLES:
        return False
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            return not set(next(csv.reader(file), [])) >= _OF_POINTS
    except (OSError, csv.Error):
        return False
