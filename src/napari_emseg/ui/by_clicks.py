"""Find something that no model knows: two buttons to click with, one to find with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.ui.flows import examples
from napari_emseg.ui.panels.base import action_button, faint, row
from napari_emseg.ui.unfolding import Unfolding

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_emseg.ui.desk import Desk

_TITLE = "Something else, by clicks"


class ByClicks(Unfolding):
    """Part of the Predict panel.

    Parameters
    ----------
    desk : Desk
        On whose canvas is clicked.
    """

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self.on = action_button(desk, "mark_examples")
        self.beside = action_button(desk, "mark_counterexamples")
        self.seek = action_button(desk, "find_alike")
        self.forget = action_button(desk, "forget_examples")
        self.about = faint("Vesicles, nuclei, cracks: click on a few of them.")
        lines = row(self.on, self.beside), self.about, row(self.seek, self.forget)
        self.fold_away(lines, _TITLE, name="by_clicks")

    def refresh(self) -> None:
        """Follow the clicks."""
        words = examples.words(self.desk)
        self.open_for(bool(words))
        self.setEnabled(self.desk.session is not None)
        self.fold.set_title(f"{_TITLE}: {words}" if words else _TITLE)
        self.about.setVisible(not words)
        self.seek.setEnabled(bool(words))
        self.forget.setEnabled(bool(words))
