"""Projects that were opened lately, to be opened again by a click or with the keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_emseg.core.project import SUFFIX, is_project
from napari_emseg.core.recent import recent
from napari_emseg.ui.history_model import when
from napari_emseg.ui.long_words import short
from napari_emseg.ui.panels.base import heading
from napari_emseg.ui.runner import Handlers

if TYPE_CHECKING:
    from napari_emseg.core.recent import Recent
    from napari_emseg.ui.desk import Desk

_KEY = "recent"
_SHOWN = 8
_MISSING = 2  # of those that are not there any more: a disk may not be connected


class RecentProjects(QWidget):
    """One button a project; the latest that are not there any more come last and say so.

    Parameters
    ----------
    desk : Desk
        Its threads ask the disks, which may be slow or asleep.
    """

    picked = Signal(object, bool)
    """`Recent` that was clicked, and whether it is there."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.buttons: list[QPushButton] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 4, 0, 0)
        self._column.setSpacing(1)
        self._column.addWidget(heading("Recent projects"))
        self.setVisible(False)

    def load(self) -> None:
        """Read the list, and find out in the background what of it is there."""

        def look() -> list[tuple[Recent, bool]]:
            known = [(one, is_project(Path(one.folder))) for one in recent()]
            gone = [one for one in known if not one[1]][:_MISSING]
            return [*[one for one in known if one[1]][: _SHOWN - len(gone)], *gone]

        nothing = Handlers(self._show, lambda error: None, lambda: None, lambda work: None)
        self._desk.runner.thread(_KEY, look, nothing)

    def _show(self, found: list[tuple[Recent, bool]]) -> None:
        while self.buttons:
            old = self.buttons.pop()
            self._column.removeWidget(old)
            old.deleteLater()
        for one, there in found:
            button = QPushButton(words(one, there=there))
            button.setObjectName("recent")
            button.setProperty("role", "recent" if there else "missing")
            button.setToolTip(one.folder if there else f"Not there any more: {one.folder}")
            button.clicked.connect(lambda *_, one=one, there=there: self.picked.emit(one, there))
            self._column.addWidget(button)
            self.buttons.append(button)
        self.setVisible(bool(found) and self._desk.session is None)


def words(one: Recent, *, there: bool) -> str:
    """Name of the project and when it was open: "stack1  ·  yesterday 17:05"."""
    name = Path(one.folder).name.removesuffix(SUFFIX)
    return f"{short(name)}  ·  {when(one.time) if there else 'not there any more'}".replace("&", "&&")
