"""A ticket for one piece of work: who is called when, and how to stop it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(eq=False)
class Ticket:
    """One submitted request.

    Exactly one of `on_done` and `on_error` is called, once. After `cancel` it is ``on_error(Cancelled())``,
    and no progress, piece or result comes any more, however late the worker notices. All callbacks come from
    one thread of the engine, in order; a window hands them to its own thread.

    Attributes
    ----------
    generation : int
        Number of the request; a later one has a higher number.
    """

    id: str
    function: str | Callable[[Any, Any], Any]
    lane: str
    generation: int
    slot: str | None
    on_progress: Callable[..., None] | None
    on_partial: Callable[[Any], None] | None
    on_done: Callable[[Any], None] | None
    on_error: Callable[[BaseException], None] | None
    _stop: Callable[[Ticket], None] = field(repr=False)
    has_started: bool = False
    is_stopped: bool = False
    retries: int = 0
    future: Any = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _finished: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def done(self) -> bool:
        """Whether the last callback was called, or is being called."""
        return self._finished.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end; whether it came in time."""
        return self._finished.wait(timeout)

    def cancel(self) -> None:
        """Stop the work: nothing arrives any more, the worker stops at its next tile or step."""
        if not self.done and not self.is_stopped:
            self.is_stopped = True
            self._stop(self)

    def _claim_end(self) -> bool:
        """Whether the caller is the one that may call the last callback."""
        with self._lock:
            if self._finished.is_set():
                return False
            self._finished.set()
            return True

    def _progress(self, fraction: float, message: str, values: dict[str, float]) -> None:
        if self.on_progress is not None and not self.done and not self.is_stopped:
            self.on_progress(fraction, message, **values)

    def _partial(self, value: Any) -> None:
        if self.on_partial is not None and not self.done and not self.is_stopped:
            self.on_partial(value)

    def _succeed(self, value: Any) -> None:
        if not self.is_stopped and self._claim_end() and self.on_done is not None:
            self.on_done(value)

    def _fail(self, error: BaseException) -> None:
        if self._claim_end() and self.on_error is not None:
            self.on_error(error)

    def _cancelled(self) -> None:
        self._fail(Cancelled())
