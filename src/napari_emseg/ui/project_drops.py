"""Projects and packs that are dropped into the window: napari would look for sections in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject

from napari_emseg.core.project import is_project
from napari_emseg.ui.flows import opening

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_emseg.ui.desk import Desk

_PACK = ".emseg.zip"


class ProjectDrops(QObject):
    """Opens a project folder (``NAME.emseg``) or a pack that is dropped; everything else is napari's.

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
        """Take a drop that is one project."""
        if event.type() == QEvent.Type.Drop and watched is self._canvas:
            found = _project_in(event)
            if found is not None:
                event.accept()
                self._desk.open_stage("data")
                opening.open_path(self._desk, found)
                return True
        return bool(super().eventFilter(watched, event))


def _project_in(event: Any) -> Path | None:
    urls = event.mimeData().urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    return path if path.name.endswith(_PACK) or is_project(path) else None
