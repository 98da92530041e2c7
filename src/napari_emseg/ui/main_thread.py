"""Bring a call from any thread to the thread of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Qt, Signal

if TYPE_CHECKING:
    from collections.abc import Callable


class MainThread(QObject):
    """Create it on the window's thread; ``post`` from anywhere."""

    _called = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._called.connect(self._on_called, Qt.ConnectionType.QueuedConnection)

    def post(self, function: Callable[[], object]) -> None:
        """Run a function on the window's thread, soon and in order."""
        try:
            self._called.emit(function)
        except RuntimeError:  # the window is gone; so is everybody who would want the answer
            return

    def _on_called(self, function: Callable[[], None]) -> None:
        function()
