"""Progress of one job: bar, remaining time in words, stop."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

_STEPS = 1000


class ProgressLine(QWidget):
    """Hidden while nothing runs."""

    stopped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, _STEPS)
        self.words = QLabel()
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

    def show_progress(self, fraction: float, message: str, remaining_s: float | None) -> None:
        """Show how far the work is; an unknown fraction (below 0) shows a moving bar."""
        self.bar.setRange(0, 0 if fraction < 0 else _STEPS)
        if fraction >= 0:
            self.bar.setValue(round(_STEPS * min(fraction, 1)))
        left = f", {in_words(remaining_s)} left" if remaining_s is not None else ""
        self.words.setText(f"{message or 'working'}{left}")
        self.setVisible(True)

    def finish(self) -> None:
        """Hide: the work is done, stopped or failed."""
        self.setVisible(False)


def in_words(seconds: float) -> str:
    """A duration rounded for people: "4 s", "about 2 min"."""
    if seconds < 1:
        return "a moment"
    if seconds < 60:
        return f"{round(seconds)} s"
    if seconds < 3600:
        return f"about {round(seconds / 60)} min"
    return f"about {round(seconds / 3600, 1):g} h"
