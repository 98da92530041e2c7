"""Find something that no model knows: two buttons to click with, one to find with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_emseg.ui.flows import examples
from napari_emseg.ui.panels.base import action_button, faint, heading, row

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk


class ByClicks(QWidget):
    """Part of the Predict panel.

    Parameters
    ----------
    desk : Desk
        On whose canvas is clicked.
    """

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.on = action_button(desk, "mark_examples")
        self.beside = action_button(desk, "mark_counterexamples")
        self.seek = action_button(desk, "find_alike")
        self.forget = action_button(desk, "forget_examples")
        self.count = faint()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(heading("Something else, by clicks"))
        column.addLayout(row(self.on, self.beside))
        column.addWidget(self.count)
        column.addLayout(row(self.seek, self.forget))

    def refresh(self) -> None:
        """Follow the clicks."""
        words = examples.words(self.desk)
        self.setEnabled(self.desk.session is not None)
        self.count.setText(words or "Vesicles, nuclei, cracks: show a few, and what only looks like them.")
        self.seek.setEnabled(bool(words))
        self.forget.setEnabled(bool(words))
