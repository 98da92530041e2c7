"""Where the ``run`` step of every job happens: a Dask client, a private local cluster behind it by default.

The window never waits for any of this: starting, submitting and stopping return at once.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import pickle
import queue
import threading
import uuid
from typing import TYPE_CHECKING, Any, Literal

from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.explained import explained, has_died, is_lost
from napari_emseg.jobs.line import Line
from napari_emseg.jobs.ticket import Ticket

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Answer = Callable[[], Any]

    from napari_emseg.jobs.backend import Backend

Lane = Literal["interactive", "background"]

_CLOSE_S = 5.0
_LOOK_UP_S = 0.2  # Ctrl-C is only seen between waits


class Engine:
    """Runs jobs in worker processes and calls back.

    Parameters
    ----------
    scheduler : str
        ``"local"`` for private worker processes on this machine (TLS with temporary credentials, loopback,
        no dashboard), or the address of a Dask scheduler, reached with the credentials of Dask's own
        configuration, or the file that ``napari-emseg cluster start`` has written.
    start_timeout_s : float
        A remote scheduler that does not answer within this time is given up.

    Notes
    -----
    Two lanes: ``"interactive"`` has a warm worker of its own that serves clicks, ``"background"`` gets a
    second, lower-priority process when it is first used. On a remote scheduler the lanes are priorities.
    """

    def __init__(self, scheduler: str = "local", *, start_timeout_s: float = 30.0) -> None:
        self.scheduler = scheduler
        self._start_timeout_s = start_timeout_s
        self._topic = f"napari-emseg-{uuid.uuid4().hex}"
        self._generations = itertools.count(1)
        self._tickets: dict[str, Ticket] = {}
        self._newest: dict[str, Ticket] = {}
        self._lock = threading.Lock()
        self._control = Line("emseg-engine")
        self._stopping = Line("emseg-stop")
        self._calls = Line("emseg-callbacks")
        self._is_started = False
        self._backend: Backend | None = None
        self._failure: EmsegError | None = None
        self._is_ready = threading.Event()
        self._is_closed = False
        self._device = ""

    # ---- life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start in the background; requests submitted meanwhile wait. A second call does nothing."""
        with self._lock:
            if self._is_started or self._is_closed:
                return
            self._is_started = True
        for line in (self._control, self._stopping, self._calls):
            line.start()
        self._control.put(self._start)

    def wait_until_ready(self, timeout: float | None = None) -> bool:
        """Wait until the interactive worker answers, or starting failed; whether that came in time."""
        self.start()
        return self._is_ready.wait(timeout)

    def warm_up(
        self,
        function: str = "napari_emseg.jobs.predict:warm_up",
        request: Any = None,
        *,
        on_done: Callable[[Any], None] | None = None,
        on_error: Callable[[BaseException], None] | None = None,
    ) -> Ticket:
        """Load torch and a model in the interactive worker, so that the first click is fast too."""

        def remember(device: Any) -> None:
            self._device = str(device)
            if on_done is not None:
                on_done(device)

        return self.submit(function, request, on_done=remember, on_error=on_error)

    def device(self) -> str:
        """Where networks run, for people; empty until a warm-up has found out."""
        return self._device

    def close(self) -> None:
        """Stop all work and end the worker processes; takes up to a few seconds when one is busy."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            pending = list(self._tickets.values())
        atexit.unregister(self.close)
        for ticket in pending:
            self._calls.put(ticket._cancelled)
        self._control.put(self._stop_everything)
        for line in (self._control, self._stopping, self._calls):
            line.close(_CLOSE_S)

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- work -------------------------------------------------------------------------------------------

    def submit(
        self,
        function: str | Callable[[Any, Any], Any],
        request: Any,
        *,
        lane: Lane = "interactive",
        slot: str | None = None,
        on_progress: Callable[..., None] | None = None,
        on_partial: Callable[[Any], None] | None = None,
        on_done: Callable[[Any], None] | None = None,
        on_error: Callable[[BaseException], None] | None = None,
    ) -> Ticket:
        """Run ``function(request, progress)`` in a worker; returns at once.

        Parameters
        ----------
        function : str or callable
            ``"module:function"``, imported in the worker only, or a picklable callable.
        request : object
            Picklable value; numpy arrays are fine.
        lane : {"interactive", "background"}
            Which worker.
        slot : str, optional
            A newer request in the same slot makes this one stale: it is cancelled.
        on_progress : callable (fraction, message, **values), optional
        on_partial : callable (piece), optional
        on_done : callable (result), optional
        on_error : callable (error), optional
            Gets an `EmsegError`, or `Cancelled` when the work was stopped or became stale.
        """
        with self._lock:
            number = next(self._generations)
            ticket = Ticket(
                f"{self._topic[-8:]}-{number}", function, lane, number, slot,
                on_progress, on_partial, on_done, on_error, self._stop,
            )  # fmt: skip
            stale = self._newest.get(slot) if slot is not None else None
            if slot is not None:
                self._newest[slot] = ticket
            self._tickets[ticket.id] = ticket
            is_closed = self._is_closed
        if stale is not None:
            stale.cancel()
        if is_closed:
            ticket._fail(EmsegError("the engine is closed", "", "open the project again"))
            return ticket
        self.start()
        self._control.put(lambda: self._launch(ticket, request))
        return ticket

    def promise(
        self, function: str | Callable[[Any, Any], Any], request: Any, **options: Any
    ) -> tuple[Ticket, Answer]:
        """`submit`, with a function that waits for the result; for scripts, never for a window.

        Returns
        -------
        Ticket
        callable
            Gives the result, or raises what `on_error` would have got. Ctrl-C while it waits cancels.
        """
        answers: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()
        ticket = self.submit(
            function,
            request,
            on_done=lambda value: answers.put((True, value)),
            on_error=lambda error: answers.put((False, error)),
            **options,
        )

        def wait() -> Any:
            try:
                while True:
                    with contextlib.suppress(queue.Empty):
                        is_good, answer = answers.get(timeout=_LOOK_UP_S)
                        break
            except KeyboardInterrupt:
                ticket.cancel()
                raise
            if is_good:
                return answer
            raise answer

        return ticket, wait

    def call(self, function: str | Callable[[Any, Any], Any], request: Any, **options: Any) -> Any:
        """`submit` and wait for the result; for scripts and the command line, never for a window.

        Raises
        ------
        EmsegError, Cancelled
            What `on_error` would have got.
        KeyboardInterrupt
            Ctrl-C; the work is cancelled first.
        """
        return self.promise(function, request, **options)[1]()

    def share(self, model: Path) -> Path:
        """Let the workers have a model; waits until the engine is ready, so for scripts, never for a window.

        Parameters
        ----------
        model : Path
            Model folder on this machine.

        Returns
        -------
        Path
            What requests are to call it: the folder itself on this machine.
        """
        self.wait_until_ready()
        return model if self._backend is None else self._backend.share(model)

    # ---- the control thread: everything that may wait ----------------------------------------------------

    def _start(self) -> None:
        try:
            from napari_emseg.jobs.backend import Backend  # importing Dask takes half a second

            self._backend = Backend(
                self.scheduler, self._topic, self._on_event, self._give_up, self._start_timeout_s
            )
        except EmsegError as error:
            self._give_up(error)
        except (ImportError, OSError) as error:  # an installation that is not whole, or may not be read
            self._give_up(
                EmsegError(f"the engine did not start ({error})", "this computer", "install the program anew")
            )
        finally:
            with self._lock:
                if not self._is_closed:  # what is registered is never let go
                    # Dask tidies up at exit as well; what is registered later runs first.
                    atexit.register(self.close)
            self._is_ready.set()

    def _launch(self, ticket: Ticket, request: Any) -> None:
        if ticket.is_stopped or ticket.done:
            return
        if self._failure is not None or self._backend is None:
            self._finish(ticket, ticket._fail, self._failure or EmsegError("the engine is closed"))
            return
        try:
            packed = pickle.dumps((ticket.function, request), protocol=5)
        except Exception as error:  # whatever the request's own pickling raises
            refusal = EmsegError(
                f"this cannot be pickled for a worker ({error})", str(ticket.function), "report it"
            )
            refusal.__cause__ = error
            self._finish(ticket, ticket._fail, refusal)
        else:
            self._send(ticket, packed)

    def _send(self, ticket: Ticket, packed: bytes) -> None:
        if self._backend is None:
            return

        def ended(value: Any, error: BaseException | None) -> None:
            if error is not None and has_died(error) and not ticket.has_started and not ticket.retries:
                ticket.retries += 1  # it only waited behind the job that killed the worker
                self._control.put(lambda: self._send(ticket, packed))
            else:
                self._control.put(lambda: self._answer(ticket, value, error))

        try:
            self._backend.ensure(ticket.lane)
            ticket.future = self._backend.send(ticket.id, ticket.retries, ticket.lane, packed, ended)
        except Exception as error:  # Dask's or the system's
            self._finish(ticket, ticket._fail, explained(error, ticket))
            return
        if ticket.is_stopped:  # meanwhile
            self._backend.stop(ticket.id, ticket.future)

    def _answer(self, ticket: Ticket, value: Any, error: BaseException | None) -> None:
        if error is None:
            self._finish(ticket, ticket._succeed, value)
            return
        if is_lost(error) and not (ticket.is_stopped or self._is_closed):
            error = EmsegError(
                "the connection to the scheduler is lost",
                self.scheduler or "this computer",
                "start it again, and then this",
            )
        backend = self._backend
        why = backend.why_it_died(ticket.lane) if backend is not None and has_died(error) else None
        self._finish(ticket, ticket._fail, explained(error, ticket, why))

    def _stop(self, ticket: Ticket) -> None:
        """Make a ticket worthless (any thread), then tell its worker."""
        self._finish(ticket, ticket._cancelled)

        def tell() -> None:
            if self._backend is not None and ticket.future is not None:
                self._backend.stop(ticket.id, ticket.future)

        self._stopping.put(tell)

    def _stop_everything(self) -> None:
        if self._backend is not None:
            self._backend.close()
        self._backend = None

    def _give_up(self, failure: EmsegError) -> None:
        self._failure = failure
        with self._lock:
            tickets = list(self._tickets.values())
        for ticket in tickets:
            self._finish(ticket, ticket._fail, failure)

    # ---- answers ----------------------------------------------------------------------------------------

    def _finish(self, ticket: Ticket, end: Callable[..., None], *args: Any) -> None:
        with self._lock:
            self._tickets.pop(ticket.id, None)
            if ticket.slot is not None and self._newest.get(ticket.slot) is ticket:
                del self._newest[ticket.slot]
        self._calls.put(lambda: end(*args))

    def _on_event(self, event: tuple[float, tuple[str, str, bytes]]) -> None:
        ticket_id, kind, payload = event[1]
        ticket = self._tickets.get(ticket_id)
        if ticket is None:
            return
        if kind == "started":
            ticket.has_started = True
        elif kind == "progress":
            self._calls.put(lambda: ticket._progress(*pickle.loads(payload)))
        elif kind == "partial":
            self._calls.put(lambda: ticket._partial(pickle.loads(payload)))
