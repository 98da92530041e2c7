"""A small live plot of the training loss."""

from __future__ import annotations

import math

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_emseg.ui.style import DARK, Look

_HEIGHT = 84
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 8, 8, 18


class LossCurve(QWidget):
    """Points are appended while the model learns; the axes follow."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_HEIGHT)
        self.setToolTip("How far the model is from the proofread sections (training loss). Lower is better")
        self._points: list[tuple[float, float]] = []
        self._look = DARK

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Fits the dock."""
        return QSize(300, _HEIGHT)

    def set_look(self, look: Look) -> None:
        """Take the colours of the theme."""
        self._look = look
        self.update()

    def clear(self) -> None:
        """Start an empty plot."""
        self._points = []
        self.update()

    def add(self, seconds: float, loss: float) -> None:
        """Append one value; values that are not finite are left out."""
        if math.isfinite(loss) and math.isfinite(seconds):
            self._points.append((seconds, loss))
            self.update()

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """All values so far: seconds and loss."""
        return tuple(self._points)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw axes, numbers and the line."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot = QRectF(_LEFT, _TOP, self.width() - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM)
        painter.fillRect(self.rect(), QColor(self._look.raised))
        font = QFont(self.font())
        font.setPixelSize(10)
        painter.setFont(font)
        painter.setPen(QPen(QColor(self._look.line), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        painter.drawLine(plot.topLeft(), plot.bottomLeft())
        painter.setPen(QColor(self._look.faint))
        if len(self._points) < 2:
            painter.drawText(plot, Qt.AlignmentFlag.AlignCenter, "the error falls here while it learns")
            return
        xs, ys = zip(*self._points, strict=True)
        low, high = min(0.0, *ys), max(ys) * 1.05 or 1.0
        left, right = xs[0], max(xs[-1], xs[0] + 1e-6)
        painter.drawText(QRectF(0, _TOP - 5, _LEFT - 4, 12), Qt.AlignmentFlag.AlignRight, f"{high:.2g}")
        painter.drawText(
            QRectF(0, plot.bottom() - 8, _LEFT - 4, 12), Qt.AlignmentFlag.AlignRight, f"{low:.2g}"
        )
        painter.drawText(
            QRectF(plot.left(), plot.bottom() + 3, plot.width(), 12),
            Qt.AlignmentFlag.AlignRight,
            f"{right:.0f} s, error {ys[-1]:.3f}",
        )
        line = QPolygonF(
            [
                QPointF(
                    plot.left() + plot.width() * (x - left) / (right - left),
                    plot.bottom() - plot.height() * (y - low) / (high - low),
                )
                for x, y in self._points
            ]
        )
        painter.setPen(QPen(QColor(self._look.link), 1.6))
        painter.drawPolyline(line)
