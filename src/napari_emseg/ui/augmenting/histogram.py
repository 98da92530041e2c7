"""Grey values before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_emseg.ui.style import DARK, Look

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEIGHT = 72


class GreyHistogram(QWidget):
    """Two histograms over each other: filled after, line before."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_HEIGHT)
        self.setToolTip("Grey values of all samples, black to white: line before, filled after")
        self.before: NDArray[np.float64] = np.zeros(0)
        self.after: NDArray[np.float64] = np.zeros(0)
        self._look = DARK

    def set_look(self, look: Look) -> None:
        """Take the colours of the theme."""
        self._look = look
        self.update()

    def show_values(self, before: NDArray[np.float64], after: NDArray[np.float64]) -> None:
        """Show shares of pixels in bins from black to white."""
        self.before, self.after = before, after
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw both."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(self._look.raised))
        plot = QRectF(6, 6, self.width() - 12, _HEIGHT - 24)
        font = QFont(self.font())
        font.setPixelSize(10)
        painter.setFont(font)
        painter.setPen(QColor(self._look.faint))
        words = QRectF(6, _HEIGHT - 16, self.width() - 12, 14)
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft, "black")
        painter.drawText(words, Qt.AlignmentFlag.AlignHCenter, "grey values: line before, filled after")
        painter.drawText(words, Qt.AlignmentFlag.AlignRight, "white")
        if not self.before.size:
            return
        # one full bin at an end (lost sections are all black) must not flatten the rest
        inner = np.concatenate([self.before[1:-1], self.after[1:-1]])
        top = float(inner.max()) * 1.05 or 1.0
        fill = QColor(self._look.link)
        fill.setAlpha(110)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        line = _line(self.after, plot, top)
        painter.drawPolygon(QPolygonF([plot.bottomLeft(), *line, plot.bottomRight()]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self._look.text), 1.2))
        painter.drawPolyline(QPolygonF(_line(self.before, plot, top)))


def _line(values: NDArray[np.float64], plot: QRectF, top: float) -> list[QPointF]:
    n = max(1, len(values) - 1)
    return [
        QPointF(plot.left() + plot.width() * i / n, plot.bottom() - plot.height() * min(1.0, v / top))
        for i, v in enumerate(values)
    ]
