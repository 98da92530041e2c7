"""The spine: one line a stage with its state in a word; one stage is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from napari_emseg.ui.state import StageState

_DIGIT_WIDE = "\u2007"  # a space: titles stand below each other, also behind a number of two digits


class StageLine(QPushButton):
    """Number, title and state of one stage."""

    def __init__(self, number: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setProperty("role", "stage")
        self.setAccessibleName(title)
        line = QHBoxLayout(self)
        line.setContentsMargins(9, 0, 12, 0)
        count = QLabel(number)
        count.setProperty("role", "faint")
        count.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Preferred)
        self.title = QLabel(title)
        self.title.setProperty("role", "stageName")
        self.word = QLabel()
        self.word.setProperty("role", "word")
        line.addWidget(count)
        line.addWidget(self.title, 1)
        line.addWidget(self.word)
        for label in (count, self.title, self.word):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def show_state(self, state: StageState) -> None:
        """Show another word."""
        self.word.setText(state.word)
        self.setAccessibleDescription(state.word)
        _restyle(self.word, "tone", state.tone)
        self.word.updateGeometry()
        self.layout().activate()  # a longer word needs more room at once

    def show_open(self, is_open: bool) -> None:
        """Mark the open stage."""
        self.setChecked(is_open)
        _restyle(self.title, "open", str(is_open).lower())


class Spine(QWidget):
    """All stages below each other."""

    picked = Signal(str)

    def __init__(self, states: tuple[StageState, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        group = QButtonGroup(self)
        self.lines: dict[str, StageLine] = {}
        digits = max(len(str(state.number)) for state in states)
        for state in states:
            line = StageLine(f"{state.number:{_DIGIT_WIDE}>{digits}}", state.title)
            line.setObjectName(f"stage_{state.name}")
            line.clicked.connect(lambda _on, name=state.name: self.picked.emit(name))
            group.addButton(line)
            self.lines[state.name] = line
            column.addWidget(line)
        self.show_states(states)

    def show_states(self, states: tuple[StageState, ...]) -> None:
        """Show what every stage says about itself."""
        for state in states:
            self.lines[state.name].show_state(state)

    def show_open(self, name: str) -> None:
        """Mark the open stage."""
        for key, line in self.lines.items():
            line.show_open(key == name)


def _restyle(widget: QWidget, name: str, value: str) -> None:
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
