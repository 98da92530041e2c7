"""The question why a section is left out, answered by a click or a digit."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_emseg.ui.flows.proofreading import REASONS

_COLUMNS = 3


class WhyLeftOut(QWidget):
    """Hidden until it is asked; Esc takes the question back."""

    answered = Signal(str)
    ended = Signal()
    """Answered or taken back."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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
            grid.addWidget(button, number // _COLUMNS, number % _COLUMNS)
        not_at_all = QPushButton("Keep it   Esc")
        not_at_all.setObjectName("reason_none")
        not_at_all.clicked.connect(self.end)
        QShortcut(QKeySequence("Escape"), self).activated.connect(self.end)
        grid.addWidget(not_at_all, len(REASONS) // _COLUMNS, len(REASONS) % _COLUMNS)
        self.setVisible(False)

    def ask(self) -> None:
        """Show the question."""
        self.setVisible(True)

    def end(self) -> None:
        """Ask no longer."""
        if not self.isHidden():
            self.setVisible(False)
            self.ended.emit()

    def show_section(self, section: int) -> None:
        """Say which section is meant."""
        self.question.setText(f"Why is section {section} left out? Click, or press the digit.")

    def _on_answer(self, reason: str, _on: bool = False) -> None:
        self.end()
        self.answered.emit(reason)
