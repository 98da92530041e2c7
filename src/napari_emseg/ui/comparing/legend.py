"""Colours of the errors, how many objects have them, and which are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_emseg.ui.comparing.table import KINDS_OF
from napari_emseg.ui.comparing.words import COLOURS, MORE, TITLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_emseg.algorithms.metrics.object_errors import ObjectErrors

_SWATCH = 14


class Legend(QWidget):
    """A button for each kind; one that is not pressed leaves its kind out of the table."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(6)
        self.buttons: dict[int, QPushButton] = {}
        for place, (kind, title) in enumerate(TITLES.items()):
            button = QPushButton(title)
            button.setObjectName(f"kind_{kind}")
            button.setProperty("role", "tool")
            button.setCheckable(True)
            button.setChecked(True)
            button.setToolTip(f"{MORE[kind]}. Click to leave it out of the table")
            button.setIcon(QIcon(swatch(COLOURS[kind])))
            button.toggled.connect(self.changed)
            grid.addWidget(button, place // 2, place % 2)
            self.buttons[kind] = button

    @property
    def kinds(self) -> frozenset[int]:
        """Kinds that are listed."""
        return frozenset(kind for kind, button in self.buttons.items() if button.isChecked())

    def count(self, rows: Iterable[ObjectErrors]) -> None:
        """Say how many objects have each kind of error."""
        number = dict.fromkeys(TITLES, 0)
        for row in rows:
            for kind in KINDS_OF[row.error]:
                number[kind] += 1
        for kind, button in self.buttons.items():
            button.setText(f"{TITLES[kind]}   {number[kind]}")


def swatch(colour: str) -> QPixmap:
    """A square of one colour."""
    square = QPixmap(_SWATCH, _SWATCH)
    square.fill(QColor(colour))
    return square
