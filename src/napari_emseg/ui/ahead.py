"""When the next section is predicted without being asked for: while the person looks, and nothing else is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Qt, QTimer
from qtpy.QtWidgets import QApplication

from napari_emseg.ui.flows.ahead import look_ahead, region_ahead
from napari_emseg.ui.flows.predicting import Asked, wanted_targets

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk

IDLE_MS = 700


class Ahead(QObject):
    """Looks one section ahead, in the direction of the last step.

    Parameters
    ----------
    desk : Desk
        Whose stack is meant.
    """

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._section, self._way = desk.section, 1
        self._answered: Asked | None = None
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.setInterval(IDLE_MS)
        self.timer.timeout.connect(self.look)
        desk.section_changed.connect(self._on_section)
        desk.predicted.connect(self._on_predicted)
        desk.state_changed.connect(self._wait)

    def look(self) -> None:
        """Predict the next section, once nothing else is done and no mouse button held; what was answered is not asked again."""
        desk = self._desk
        if desk.session is None:
            return
        if desk.work or desk.runner.is_busy or QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._wait()
            return
        region = region_ahead(desk, self._way)
        if region is None:
            return
        asked = Asked.of(desk.session, region, wanted_targets(desk.session))
        if asked == self._answered:  # it failed, or is not known in spite of it
            return
        look_ahead(desk, asked, ended=lambda: setattr(self, "_answered", asked))
        self._wait()  # it gives way to whatever is asked for, and is begun again then

    def _on_section(self, section: int) -> None:
        if section != self._section:
            self._way = 1 if section > self._section else -1
            self._section = section
        self._wait()

    def _on_predicted(self) -> None:
        self._answered = None
        self._wait()

    def _wait(self) -> None:
        self.timer.start()
