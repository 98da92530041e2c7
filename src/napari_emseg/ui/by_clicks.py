"""Find something that no model knows: two buttons to click with, one to find with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_emseg.ui.flows import examples
from napari_emseg.ui.fold import Fold
from napari_emseg.ui.panels.base import action_button, faint, row

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk

_TITLE = "Something else, by clicks"


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
        self._had_clicks = False
        self.on = action_button(desk, "mark_examples")
        self.beside = action_button(desk, "mark_counterexamples")
        self.seek = action_button(desk, "find_alike")
        self.forget = action_button(desk, "forget_examples")
        self.about = faint("Vesicles, nuclei, cracks: click on a few of them.")
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row(self.on, self.beside))
        column.addWidget(self.about)
        column.addLayout(row(self.seek, self.forget))
        self.fold = Fold(inner, _TITLE, name="by_clicks")
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self.fold)

    def refresh(self) -> None:
        """Follow the clicks."""
        words = examples.words(self.desk)
        if words and not self._had_clicks:
            self.fold.open()
        self._had_clicks = bool(words)
        self.setEnabled(self.desk.session is not None)
        self.fold.set_title(f"{_TITLE}: {words}" if words else _TITLE)
        self.about.setVisible(not words)
        self.seek.setEnabled(bool(words))
        self.forget.setEnabled(bool(words))
