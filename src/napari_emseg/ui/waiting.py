"""What the disk has refused is saved as soon as there is room again, without anybody doing anything."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Qt, QTimer
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.saying import Saying

EVERY_MS = 5000
_RARER = (
    50  # tries take no more than a fiftieth of the time, so that a long stroke does not hold the window up
)


class Waiting(QObject):
    """Tries again to save strokes, quietly, while there are some that were refused.

    Parameters
    ----------
    desk : Desk
        Whose strokes are meant.
    """

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.setInterval(EVERY_MS)
        self.timer.timeout.connect(self.look)
        desk.said.connect(self._on_said)

    def look(self) -> None:
        """Try once, unless the person is painting just now."""
        began = time.monotonic()
        if self._desk.waits_for_disk and QApplication.mouseButtons() == Qt.MouseButton.NoButton:
            self._desk.save_what_waits()
        self.timer.setInterval(max(EVERY_MS, round(1000 * _RARER * (time.monotonic() - began))))
        self._go_on()

    def _on_said(self, stage: str, saying: Saying) -> None:
        self._go_on()  # a refusal is said

    def _go_on(self) -> None:
        if self._desk.waits_for_disk and not self.timer.isActive():
            self.timer.start()
