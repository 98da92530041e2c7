"""Seeds placed by hand: a button to click with, and whether they grow alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QComboBox, QWidget

from napari_emseg.ui.actions import ACTIONS
from napari_emseg.ui.flows import seeding
from napari_emseg.ui.panels.base import action_button, row, set_words
from napari_emseg.ui.unfolding import Unfolding

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk

_TITLE = "By hand"
_HELP = (
    "With the others: yours become segments among those found.\n"
    "Mine alone: only cells with a seed of yours change; all else stays as it is."
)


class SeedsByHand(Unfolding):
    """Part of the panel of seeds and segments. Its button stands in the line above, to leave room on small screens.

    Parameters
    ----------
    desk : Desk
        On whose canvas is clicked.
    """

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self.place = action_button(desk, "place_seeds")
        self.place.setCheckable(True)
        self.forget = action_button(desk, "forget_seeds", text="Forget")
        self.grow = QComboBox()
        self.grow.setObjectName("grow_seeds")
        self.grow.addItems(["with the others", "mine alone"])
        self.grow.setToolTip(_HELP)
        self.grow.activated.connect(lambda index: seeding.set_alone(desk, index == 1))
        self.grow.setAccessibleName("What grows")
        line = row(self.place, self.grow, self.forget, equal=False)
        line.setStretch(1, 1)
        self.fold_away([line], _TITLE, name="seeds_by_hand")
        self.button = self.fold.button
        self.button.toggled.connect(self.setVisible)
        self.setVisible(False)

    def refresh(self) -> None:
        """Follow what was placed."""
        placed = seeding.placed(self.desk)
        self.open_for(bool(placed) or placed.alone)
        for widget in (self, self.button):
            widget.setEnabled(self.desk.session is not None)
        self.forget.setEnabled(bool(placed))
        self.forget.setToolTip(seeding.counts(self.desk) or ACTIONS["forget_seeds"].help)
        with QSignalBlocker(self.grow):
            self.grow.setCurrentIndex(int(placed.alone))
        placing = seeding.is_placing(self.desk)
        with QSignalBlocker(self.place):
            self.place.setChecked(placing)
        set_words(self.place, "place_seeds", "Stop placing" if placing else "Place seeds")
