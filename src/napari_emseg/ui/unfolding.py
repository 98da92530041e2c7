"""A fold of a panel that opens by itself when there is something in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLayout, QVBoxLayout, QWidget

from napari_emseg.ui.fold import Fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.ui.desk import Desk


class Unfolding(QWidget):
    """What is done with clicks on the canvas, folded away until the person asks for it, or has clicked.

    Parameters
    ----------
    desk : Desk
        On whose canvas is clicked.
    """

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self._had_any = False

    def fold_away(self, lines: Sequence[QLayout | QWidget], title: str, *, name: str) -> None:
        """Put lines below each other behind a button.

        Parameters
        ----------
        lines : sequence of QLayout or QWidget
        title : str
            Words on the button.
        name : str
            Object name of the button.
        """
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for line in lines:
            if isinstance(line, QLayout):
                column.addLayout(line)
            else:
                column.addWidget(line)
        self.fold = Fold(inner, title, name=name)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self.fold)

    def open_for(self, has_any: bool) -> None:
        """Unfold when the first click has come; afterwards it is the person's choice."""
        if has_any and not self._had_any:
            self.fold.open()
        self._had_any = has_any
