"""Where answers of long work come back to the window: in order, on its thread, and only if still wanted."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from napari_emseg.core.errors import Cancelled, EmsegError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from napari_emseg.core.progress import Progress

_SURE_AFTER_S = 1.0  # an estimate of the remaining time from less than this is noise


class Ticket(Protocol):
    """What the engine gives for submitted work."""

    def cancel(self) -> None:
        """Ask the work to stop."""


@dataclass(frozen=True, slots=True)
class Work:
    """How far one stage's work is."""

    fraction: float
    message: str
    remaining_s: float | None
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Handlers:
    """What to do with what comes back; everything is called on the window's thread."""

    done: Callable[[Any], None]
    failed: Callable[[EmsegError], None]
    stopped: Callable[[], None]
    progress: Callable[[Work], None]
    partial: Callable[[Any], None] | None = None
    stage: str = ""
    """Where it is shown, with a button to stop it."""
    unwanted: Callable[[Any], None] | None = None
    """Told of what nobody waits for any more, None where nothing came, to take away what was made. In any thread."""
    gives_way: bool = False
    """Whether anything else that is asked of the engine ends it: nobody has asked for this."""
    about: object = None
    """What is asked for, so that whoever wants the same can have the answer, see `Runner.share`."""


class _LateTicket:
    """Stands for a ticket that the engine has not given yet."""

    def __init__(self) -> None:
        self.cancelled = False
        self._real: Ticket | None = None

    def hand_over(self, real: Ticket) -> None:
        self._real = real
        if self.cancelled:
            real.cancel()

    def cancel(self) -> None:
        self.cancelled = True
        if self._real is not None:
            self._real.cancel()


class _Stoppable:
    """Progress of work in a thread: reports are handed on until somebody presses stop."""

    def __init__(self, report: Callable[..., None]) -> None:
        self._report = report
        self._stop = threading.Event()

    def cancel(self) -> None:
        self._stop.set()

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        if self._stop.is_set():
            raise Cancelled
        self._report(fraction, message, **values)


@dataclass(slots=True)
class _Place:
    """Under which key and number a request is answered; replaced as a whole, because other threads look."""

    where: tuple[str, int]


class Runner:
    """Numbers requests per key; an answer whose number is no longer the newest is dropped.

    Parameters
    ----------
    post : callable
        Runs a function on the window's thread; may be called from any thread.
    executor : concurrent.futures.Executor
        For short work that needs no worker process.
    """

    def __init__(self, post: Callable[[Callable[[], object]], None], executor: Executor) -> None:
        self._post = post
        self._executor = executor
        self._generation: dict[str, int] = {}
        self._places: dict[str, _Place] = {}
        self._tickets: dict[str, Ticket] = {}
        self._started: dict[str, float] = {}
        self._handlers: dict[str, Handlers] = {}
        self._stopped: set[str] = set()

    def generation(self, key: str) -> int:
        """Number of the newest request under a key, 0 before the first."""
        return self._generation.get(key, 0)

    def is_running(self, key: str) -> bool:
        """Whether the newest request under a key has not answered yet."""
        return key in self._started

    @property
    def is_busy(self) -> bool:
        """Whether anything has not answered yet."""
        return bool(self._started)

    def running(self, stage: str) -> set[str]:
        """Keys of what a stage shows and waits for."""
        return {
            key
            for key, handlers in self._handlers.items()
            if handlers.stage == stage and self.is_running(key)
        }

    def submit(self, key: str, submit: Callable[..., Ticket | None], handlers: Handlers) -> int:
        """Start work in the engine; an older request under the same key is cancelled, and stopped where another stage shows it.

        Parameters
        ----------
        key : str
            Names what is asked for: only the newest answer under a key counts.
        submit : callable
            Called with keyword callbacks ``on_progress``, ``on_partial``, ``on_done``, ``on_error``, which
            may come in any thread; returns a ticket with ``cancel``.
        handlers : Handlers
            Called on the window's thread.

        Returns
        -------
        int
            Generation of this request.
        """
        self.clear_the_way()
        return self._submit(key, submit, handlers)

    def clear_the_way(self) -> None:
        """Drop what nobody has asked for."""
        for key in [k for k, h in self._handlers.items() if h.gives_way]:
            self.drop(key)

    def share(self, key: str, other: str, handlers: Handlers) -> Any:
        """Answer what runs under another key under this one, if it is about the same thing.

        Returns
        -------
        object
            What it was said to be `about` by who began it; None where it is about something else, or nothing runs.
        """
        found = self._handlers.get(other)
        if found is None or found.about is None or found.about != handlers.about or self.was_stopped(other):
            return None
        self._make_room(key, handlers)
        place = self._places[key] = self._places[other]
        self._started[key], self._handlers[key] = self._started[other], handlers
        if other in self._tickets:
            self._tickets[key] = self._tickets.pop(other)
        place.where = key, self._generation[key]
        self.drop(other)
        return found.about

    def _make_room(self, key: str, handlers: Handlers) -> None:
        """Want no answer to an earlier request under a key; where another stage shows it nothing else would end that."""
        before = self._handlers.get(key)
        if before is not None and before.stage != handlers.stage:
            self.give_up(key)
        else:
            self.drop(key)

    def _submit(self, key: str, submit: Callable[..., Ticket | None], handlers: Handlers) -> int:
        self._make_room(key, handlers)
        number = self._generation[key]
        place = self._places[key] = _Place((key, number))
        self._started[key] = time.monotonic()
        self._handlers[key] = handlers

        def back(function: Callable[..., None]) -> Callable[..., None]:
            def deliver(*args: Any, **values: Any) -> None:
                self._post(lambda: function(*args, **values) if self._is_current(place) else None)

            return deliver

        def end(then: Callable[[Handlers], None], value: Any = None) -> None:
            def turn() -> None:
                if self._is_current(place):
                    self._finish(place.where[0], then)
                elif handlers.unwanted is not None:
                    handlers.unwanted(value)

            if self._is_current(place):
                self._post(turn)
            else:
                turn()

        try:
            ticket = submit(
                on_progress=back(lambda *a, **v: self._tell(place.where[0], *a, **v)),
                on_partial=back(lambda part: self._hand_over(place.where[0], part)),
                on_done=lambda value: end(lambda to: to.done(value), value),
                on_error=lambda error: end(lambda to: _failed(error, to)),
            )
        except BaseException:  # nothing has begun: nobody would ever answer
            self.drop(place.where[0])
            raise
        if ticket is not None and self._is_current(place):
            self._tickets[place.where[0]] = ticket
        return number

    def thread(self, key: str, function: Callable[[], Any], handlers: Handlers) -> int:
        """Do short work in a thread of this process, with the same rules as ``submit``."""

        def start(**callbacks: Callable[..., None]) -> None:
            def work() -> None:
                try:
                    value = function()
                except Exception as error:
                    callbacks["on_error"](error)
                else:
                    callbacks["on_done"](value)

            self._executor.submit(work)

        return self._submit(key, start, handlers)

    def reporting_thread(self, key: str, function: Callable[[Progress], Any], handlers: Handlers) -> int:
        """As ``thread``, for work that reports how far it is and can be stopped."""

        def start(**callbacks: Callable[..., None]) -> Ticket:
            progress = _Stoppable(callbacks["on_progress"])

            def work() -> None:
                try:
                    value = function(progress)
                except Exception as error:
                    callbacks["on_error"](error)
                else:
                    callbacks["on_done"](value)

            self._executor.submit(work)
            return progress

        return self._submit(key, start, handlers)

    def submit_prepared(
        self,
        key: str,
        prepare: Callable[[], Any],
        submit: Callable[..., Ticket],
        handlers: Handlers,
    ) -> int:
        """As ``submit`` with a request that is itself prepared in a thread: reading files takes time."""
        ticket = _LateTicket()

        def start(**callbacks: Callable[..., None]) -> Ticket:
            def work() -> None:
                try:
                    request = prepare()
                except Exception as error:
                    callbacks["on_error"](error)
                    return
                if ticket.cancelled:
                    callbacks["on_error"](Cancelled())
                    return
                try:
                    ticket.hand_over(submit(request, **callbacks))
                except Exception as error:  # in this thread nobody else would hear of it
                    callbacks["on_error"](error)

            self._executor.submit(work)
            return ticket

        return self.submit(key, start, handlers)

    def stop(self, key: str) -> None:
        """Ask the newest request under a key to stop; it answers with Cancelled, or with what was ready just then."""
        self._stopped.add(key)
        if ticket := self._tickets.get(key):
            ticket.cancel()

    def was_stopped(self, key: str) -> bool:
        """Whether the newest request under a key was asked to stop: nothing should follow it then."""
        return key in self._stopped

    def stop_stage(self, stage: str) -> None:
        """Stop all that a stage shows, whatever it is filed under; what cannot be told to stop is not waited for."""
        for key, handlers in [(k, h) for k, h in self._handlers.items() if h.stage == stage]:
            if key in self._tickets:
                self.stop(key)
            else:
                self.drop(key)
                handlers.stopped()

    def drop(self, key: str) -> None:
        """Want no answer to earlier requests under this key any more."""
        self._generation[key] = self.generation(key) + 1
        self._stopped.discard(key)
        self._started.pop(key, None)
        self._places.pop(key, None)
        self._handlers.pop(key, None)  # it would keep alive what was asked about
        if ticket := self._tickets.pop(key, None):
            ticket.cancel()

    def give_up(self, key: str) -> None:
        """As `drop`; where the work is shown it ends as if somebody had stopped it."""
        handlers = self._handlers.get(key)
        self.drop(key)
        if handlers is not None:
            handlers.stopped()

    def close(self) -> None:
        """Drop everything."""
        for key in tuple(self._generation):
            self.drop(key)

    def _is_current(self, place: _Place) -> bool:
        key, number = place.where
        return self._generation.get(key) == number and key in self._started

    def _finish(self, key: str, then: Callable[[Handlers], None]) -> None:
        self._started.pop(key, None)
        self._places.pop(key, None)
        self._tickets.pop(key, None)
        then(self._handlers.pop(key))

    def _tell(self, key: str, *args: Any, **values: Any) -> None:
        self._handlers[key].progress(self._work(key, *args, **values))

    def _hand_over(self, key: str, part: Any) -> None:
        if (wanted := self._handlers[key].partial) is not None:
            wanted(part)

    def _work(self, key: str, fraction: float, message: str = "", **values: float) -> Work:
        elapsed = time.monotonic() - self._started.get(key, time.monotonic())
        remaining = None
        if fraction > 0 and elapsed > _SURE_AFTER_S:
            remaining = elapsed * (1 - fraction) / fraction
        return Work(fraction, message, remaining, values)


def so_far(work: Work, fraction: float, message: str, started: float) -> Work:
    """Progress of one step as progress of the whole, which began then (monotonic clock)."""
    elapsed = time.monotonic() - started
    remaining = elapsed * (1 - fraction) / fraction if fraction > 0 and elapsed > _SURE_AFTER_S else None
    return replace(work, fraction=fraction, message=message, remaining_s=remaining)


def _failed(error: Exception, handlers: Handlers) -> None:
    if isinstance(error, Cancelled):
        handlers.stopped()
    elif isinstance(error, EmsegError):
        handlers.failed(error)
    else:
        handlers.failed(EmsegError(f"this did not work ({type(error).__name__}: {error})"))
