"""The scores of a comparison, one a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from napari_emseg.ui.comparing.words import score_lines
from napari_emseg.ui.panels.base import faint

if TYPE_CHECKING:
    from collections.abc import Mapping


class ScoreGrid(QWidget):
    """Title, value with its unit, and what it means."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(2)
        self._grid.setHorizontalSpacing(6)
        self._grid.setColumnStretch(2, 1)

    def show_scores(self, scores: Mapping[str, float | str | None] | None) -> None:
        """Show other scores, or none."""
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for line, score in enumerate(() if scores is None else score_lines(scores)):
            title, value, meaning = QLabel(score.title), QLabel(score.value), faint(score.meaning)
            value.setProperty("role", "heading")
            value.setObjectName(f"score_{line}")
            meaning.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            for column, label in enumerate((title, value, meaning)):
                label.setToolTip(score.more)
                self._grid.addWidget(label, line, column)
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setVisible(scores is not None)
