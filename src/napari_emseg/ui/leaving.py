"""Neither the window nor the panel is closed over what the disk has refused without a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_emseg.ui.bench import sentence

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk


class LastQuestion(QObject):
    """Asks before a window or its panel is closed while the last strokes are in memory only.

    Parameters
    ----------
    desk : Desk
        Whose strokes are meant.
    window : QWidget
        The one that is closed.
    """

    def __init__(self, desk: Desk, window: QWidget, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._window = window
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Try once more to save, and else ask."""
        if event.type() == QEvent.Type.Close and watched is self._window and not self.may_go("window"):
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))

    def may_go(self, what: str) -> bool:
        """Whether a part of the program, "window" or "panel", may be closed: all is saved, or the person lets it go."""
        error = None if self._desk.session is None else self._desk.session.unsaved()
        if error is None:
            return True
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle("Not everything is saved")
        box.setText(f"What was painted last is not saved, and is lost when the {what} is closed.")
        box.setInformativeText(sentence(error))
        back = box.addButton("Go back", QMessageBox.ButtonRole.RejectRole)
        lose = box.addButton("Close and lose it", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(back)
        box.setEscapeButton(back)
        box.exec()
        return box.clickedButton() is lose
