"""The question why a section is left out, answered by a click or a digit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence, QShortcut
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_emseg.ui.flows.proofreading import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable

_COLUMNS = 3
_PLAIN = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)


class WhyLeftOut(QWidget):
    """Hidden until it is asked; Esc takes the question back."""

    answered = Signal(str)
    ended = Signal()
    """Answered or taken back."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas: QObject | None = None
        self._down: int | None = None  # the key of the answer, until it comes up
        self._keys: dict[Qt.Key, Callable[[], None]] = {Qt.Key.Key_Escape: self.end}
        self.question = QLabel()
        self.question.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.question)
        grid = QGridLayout()
        grid.setSpacing(6)
        column.addLayout(grid)
        for number, reason in enumerate(REASONS):
            button = QPushButton(f"{number + 1} {reason}")
            button.setObjectName(f"reason_{reason}")
            button.clicked.connect(partial(self._on_answer, reason))
            QShortcut(QKeySequence(str(number + 1)), self).activated.connect(button.click)
            self._keys[Qt.Key(Qt.Key.Key_1 + number)] = button.click
            grid.addWidget(button, number // _COLUMNS, number % _COLUMNS)
        not_at_all = QPushButton("Keep it   Esc")
        not_at_all.setObjectName("reason_none")
        not_at_all.clicked.connect(self.end)
        QShortcut(QKeySequence("Escape"), self).activated.connect(self.end)
        grid.addWidget(not_at_all, len(REASONS) // _COLUMNS, len(REASONS) % _COLUMNS)
        self.setVisible(False)

    def ask(self, canvas: QObject) -> None:
        """Show the question; keys pressed over the canvas answer it too, where they are napari's tools otherwise."""
        self._canvas = canvas
        canvas.installEventFilter(self)
        self.setVisible(True)

    def end(self) -> None:
        """Ask no longer."""
        if not self.isHidden():
            self.setVisible(False)
            if self._down is None:
                self._leave_canvas()
            self.ended.emit()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Take the answers before napari does."""
        if not isinstance(event, QKeyEvent):
            return False
        if event.key() == self._down and event.type() == QEvent.Type.KeyRelease:
            self._down = (
                None  # napari would bring back the tool from before this key was pressed the last time
            )
            if self.isHidden():
                self._leave_canvas()
            return True
        answer = self._keys.get(Qt.Key(event.key()))
        if answer is None or not self.isVisible() or event.modifiers() not in _PLAIN:
            return False
        if event.type() == QEvent.Type.KeyPress:
            self._down = event.key()
            answer()
        event.accept()
        return True

    def _leave_canvas(self) -> None:
        if self._canvas is not None:
            self._canvas.removeEventFilter(self)
            self._canvas = None

    def show_section(self, section: int) -> None:
        """Say which section is meant."""
        self.question.setText(f"Why is section {section} left out? Click, or press the digit.")

    def _on_answer(self, reason: str, _on: bool = False) -> None:
        self.end()
        self.answered.emit(reason)
