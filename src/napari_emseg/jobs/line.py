"""A thread that does one thing after the other."""

from __future__ import annotations

import logging
import queue
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Line:
    """Functions are called in the order in which they were put, in one daemon thread.

    A `ThreadPoolExecutor` refuses work once the interpreter begins to end, which is when an engine that was
    never closed has to be tidied up.

    Parameters
    ----------
    name : str
        Of the thread, for debuggers.
    """

    def __init__(self, name: str) -> None:
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Begin; what was put before waits until now."""
        self._thread.start()

    def put(self, function: Callable[[], None]) -> None:
        """Have a function called; returns at once. After `close` it is ignored."""
        self._queue.put(function)

    def close(self, timeout_s: float) -> None:
        """Do what was put until now, then end; waits for that for a limited time."""
        self._queue.put(None)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _work(self) -> None:
        while (function := self._queue.get()) is not None:
            try:
                function()
            except Exception:
                logging.getLogger(__name__).exception("a callback of the engine failed")
