"""A window that may only read keeps up with the one that writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.following import is_free
from napari_emseg.ui.flows import doubting

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk

EVERY_MS = 2000


class Follower(QObject):
    """Looks every two seconds what another process has done, while the open project is read-only.

    Parameters
    ----------
    desk : Desk
        Whose session is kept up to date.
    """

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.timer = QTimer(self)
        self.timer.setInterval(EVERY_MS)
        self.timer.timeout.connect(self.look)
        desk.session_changed.connect(self._on_session)

    def look(self) -> None:
        """Take in what was done, and notice when the other process has gone."""
        session = self._desk.session
        if session is None or not session.read_only:
            self.timer.stop()
            return
        free = is_free(session.project.lock)
        try:
            done = session.refresh()
        except EmsegError as error:
            self._desk.fail("data", error)
            self.timer.stop()
            return
        if doubting.keep_up(self._desk) or done or free != self._desk.is_free:
            self._desk.is_free = free
            self._desk.state_changed.emit()

    def _on_session(self) -> None:
        session = self._desk.session
        if session is not None and session.read_only:
            self.timer.start()
        else:
            self.timer.stop()
