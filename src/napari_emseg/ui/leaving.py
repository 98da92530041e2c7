"""Neither the window nor the panel is closed without a question over what the disk has refused, or over work that would end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_emseg.ui.bench import sentence
from napari_emseg.ui.unfinished import question

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk


class LastQuestion(QObject):
    """Asks before a window or its panel is closed while the last strokes are in memory only, or long work is being done.

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
        if error is not None:
            text = f"What was painted last is not saved, and is lost when the {what} is closed."
            return self._ask("Not everything is saved", text, sentence(error), "Close and lose it")
        text = question(self._desk, what)
        if not text or (what == "window" and self._is_going()):
            return True
        return self._ask("Not everything is done", text, "All edits are saved.", "Stop and close")

    def _is_going(self) -> bool:
        """Whether a program closes the window and no person: napari has put the canvas away then, and there is no way back."""
        canvas = getattr(self._window, "_qt_viewer", None)
        return canvas is None or bool(canvas.isHidden())

    def _ask(self, title: str, text: str, more: str, go: str) -> bool:
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(title)
        box.setText(text)
        box.setInformativeText(more)
        back = box.addButton("Go back", QMessageBox.ButtonRole.RejectRole)
        leave = box.addButton(go, QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(back)
        box.setEscapeButton(back)
        box.exec()
        return box.clickedButton() is leave
