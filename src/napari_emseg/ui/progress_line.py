"""Progress of one job: bar, remaining time in words, stop."""

from __future__ import annotations

from qtpy.QtCore import QRectF, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_emseg.ui.durations import in_words
from napari_emseg.ui.long_words import Words
from napari_emseg.ui.style import DARK, Look

_HEIGHT = 6
_RUNNER = 0.25  # share of the bar that moves while nobody knows how long it takes
_ROUND_S = 2.0
_FRAME_MS = 125
_PATIENCE_MS = 300  # what is quicker needs no bar


class Bar(QWidget):
    """A thin bar that is drawn when the window draws.

    ``QProgressBar`` repaints at once on every change, and with it the whole OpenGL canvas beside it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(_HEIGHT)
        self.fraction = 0.0
        self._place = 0.0
        self._look = DARK
        self._timer = QTimer(self)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self._on_tick)

    def set_look(self, look: Look) -> None:
        """Take the colours of the theme."""
        self._look = look
        self.update()

    def set_fraction(self, fraction: float) -> None:
        """Show a part done; below 0 the bar moves to and fro."""
        self.fraction = min(fraction, 1.0)
        if fraction < 0 and not self._timer.isActive():
            self._timer.start()
        elif fraction >= 0:
            self._timer.stop()
        self.update()

    def stop(self) -> None:
        """Move no more."""
        self._timer.stop()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw ground and part."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._look.line))
        painter.drawRoundedRect(self.rect(), 3, 3)
        painter.setBrush(QColor(self._look.accent))
        width = self.width()
        if self.fraction < 0:
            left = (1 - _RUNNER) * width * (1 - abs(2 * self._place - 1))
            painter.drawRoundedRect(QRectF(left, 0, _RUNNER * width, _HEIGHT), 3, 3)
        elif self.fraction > 0:
            painter.drawRoundedRect(QRectF(0, 0, max(_HEIGHT, self.fraction * width), _HEIGHT), 3, 3)

    def _on_tick(self) -> None:
        self._place = (self._place + _FRAME_MS / 1000 / _ROUND_S) % 1
        self.update()


class ProgressLine(QWidget):
    """Hidden while nothing runs."""

    stopped = Signal()
    turned = Signal()
    """It has appeared or gone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = Bar()
        self.words = Words()
        self.words.setProperty("role", "faint")
        self.stop = QPushButton("Stop")
        self.stop.setObjectName("stop")
        self.stop.setToolTip("Stop this work; what is finished stays")
        self.stop.clicked.connect(self.stopped)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.words, 1)
        row.addWidget(self.stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.bar)
        column.addLayout(row)
        self.setVisible(False)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE_MS)
        self._patience.timeout.connect(self.show)

    def setVisible(self, visible: bool) -> None:  # noqa: N802 - Qt's name
        """Tell who makes room for it."""
        super().setVisible(visible)
        self.turned.emit()

    def show_progress(self, fraction: float, message: str, remaining_s: float | None) -> None:
        """Show how far the work is; an unknown fraction (below 0) shows a moving bar."""
        self.bar.set_fraction(fraction)
        left = f", {in_words(remaining_s)} left" if remaining_s is not None else ""
        self.words.setText(f"{message or 'working'}{left}")
        if self.isHidden() and not self._patience.isActive():
            self._patience.start()

    def finish(self) -> None:
        """Hide: the work is done, stopped or failed."""
        self._patience.stop()
        self.bar.stop()
        self.setVisible(False)
