"""Where the ``run`` step of every job happens: a Dask client, a private local cluster behind it by default.

The window never waits for any of this: starting, submitting and stopping return at once.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import pickle
import queue
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.ticket import Ticket

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = Callable[[], Any]

    from distributed import Client, Future, LocalCluster

    from napari_emseg.jobs.processes import WorkerProcess

Lane = Literal["interactive", "background"]
LOCAL = "local"

_NICE = {"interactive": 0, "background": 10}  # clicks go before learning on the same cores
_KEPT_EVENTS = 20  # the scheduler keeps this many past events; tiles are 256 KB each
_SCATTER_FROM = 4_000_000  # bytes; larger requests bypass the scheduler
_CLOSE_S = 5.0
_LOOK_UP_S = 0.2  # Ctrl-C is only seen between waits


class Engine:
    """Runs jobs in worker processes and calls back.

    Parameters
    ----------
    scheduler : str
        ``"local"`` for private worker processes on this machine (TLS with temporary credentials, loopback,
        no dashboard), or the address of a Dask scheduler, reached with the credentials of Dask's own
        configuration.
    start_timeout_s : float
        A remote scheduler that does not answer within this time is given up.

    Notes
    -----
    Two lanes: ``"interactive"`` has a warm worker of its own that serves clicks, ``"background"`` gets a
    second, lower-priority process when it is first used. On a remote scheduler the lanes are priorities.
    """

    def __init__(self, scheduler: str = LOCAL, *, start_timeout_s: float = 30.0) -> None:
        self.scheduler = scheduler
        self._start_timeout_s = start_timeout_s
        self._topic = f"napari-emseg-{uuid.uuid4().hex}"
        self._generations = itertools.count(1)
        self._tickets: dict[str, Ticket] = {}
        self._newest: dict[str, Ticket] = {}
        self._lock = threading.Lock()
        self._control = ThreadPoolExecutor(1, "emseg-engine")
        self._stopping = ThreadPoolExecutor(1, "emseg-stop")
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._caller: threading.Thread | None = None
        self._cluster: LocalCluster | None = None
        self._client: Client | None = None
        self._workers: dict[str, WorkerProcess] = {}
        self._failure: EmsegError | None = None
        self._is_ready = threading.Event()
        self._is_closed = False
        self._device = ""

    # ---- life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start in the background; requests submitted meanwhile wait. A second call does nothing."""
        with self._lock:
            if self._caller is not None or self._is_closed:
                return
            self._caller = threading.Thread(target=self._call_back, name="emseg-callbacks", daemon=True)
        self._caller.start()
        self._control.submit(self._start)

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
        for ticket in pending:
            self._calls.put(ticket._cancelled)
        self._stopping.shutdown(wait=False, cancel_futures=True)
        self._control.submit(self._stop_everything)
        self._control.shutdown(wait=True)
        self._calls.put(None)
        if self._caller is not None and self._caller is not threading.current_thread():
            self._caller.join(_CLOSE_S)

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
        self._control.submit(self._launch, ticket, request)
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

    # ---- control thread ---------------------------------------------------------------------------------

    def _start(self) -> None:
        from napari_emseg.jobs.cluster import connect, private_cluster

        try:
            if self.scheduler == LOCAL:
                self._cluster = private_cluster(_KEPT_EVENTS)
                self._start_worker("interactive")
                self._client = connect(self._cluster, self._start_timeout_s)
            else:
                self._client = connect(self.scheduler, self._start_timeout_s)
            self._client.subscribe_topic(self._topic, self._on_event)  # type: ignore[no-untyped-call]
            self._client.wait_for_workers(1, timeout=self._start_timeout_s)
        except Exception as error:  # whatever it is, every request must hear of it
            where = "this computer" if self.scheduler == LOCAL else self.scheduler
            self._give_up(EmsegError(f"the engine did not start ({error})", where, "start it again"))
        finally:
            self._is_ready.set()

    def _start_worker(self, lane: str) -> None:
        from napari_emseg.jobs.cluster import instructions
        from napari_emseg.jobs.processes import WorkerProcess

        if self._cluster is None or lane in self._workers:
            return
        self._workers[lane] = worker = WorkerProcess(
            instructions(self._cluster, lane, _NICE[lane]),
            lambda why: self._give_up(
                EmsegError(f"the {lane} worker cannot be started ({why})", "", "mend that and restart napari")
            ),
        )
        worker.start()

    def _launch(self, ticket: Ticket, request: Any) -> None:
        if ticket.done:
            return
        if self._failure is not None or self._client is None:
            self._finish(ticket, ticket._fail, self._failure or EmsegError("the engine is closed"))
            return
        try:
            self._start_worker(ticket.lane)
            packed: Any = pickle.dumps((ticket.function, request), protocol=5)
            self._send(ticket, packed)
        except Exception as error:
            self._finish(ticket, ticket._fail, _explained(error, ticket))

    def _send(self, ticket: Ticket, packed: bytes) -> None:
        from napari_emseg.jobs.remote import run_job

        assert self._client is not None
        argument: Any = packed
        if len(packed) > _SCATTER_FROM:
            argument = self._client.scatter(packed, direct=False, hash=False)  # type: ignore[no-untyped-call]
        where = {"resources": {ticket.lane: 1}} if self._cluster is not None else {}
        ticket.future = self._client.submit(
            run_job,
            ticket.id,
            self._topic,
            argument,
            key=f"{ticket.id}-{ticket.retries}",
            pure=False,
            priority=0 if ticket.lane == "background" else 10,
            **where,
        )
        ticket.future.add_done_callback(lambda future: self._on_future(ticket, packed, future))

    def _stop(self, ticket: Ticket) -> None:
        """Make a ticket worthless (any thread), then tell its worker."""
        self._finish(ticket, ticket._cancelled)
        with contextlib.suppress(RuntimeError):  # the engine is closing, and the worker with it
            self._stopping.submit(self._stop_in_worker, ticket)

    def _stop_in_worker(self, ticket: Ticket) -> None:
        from napari_emseg.jobs.remote import request_stop

        future = ticket.future
        if self._client is None or future is None or future.done():
            return
        with contextlib.suppress(Exception):  # the worker is gone, and the ticket is finished already
            self._client.run(request_stop, ticket.id, on_error="ignore")
            future.cancel()

    def _stop_everything(self) -> None:
        for worker in self._workers.values():
            worker.close()
        for part in (self._client, self._cluster):
            if part is not None:
                part.close(timeout=_CLOSE_S)
        self._client = self._cluster = None

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

    def _on_future(self, ticket: Ticket, packed: bytes, future: Future[Any]) -> None:
        """Runs in a thread of the client, after all events of the ticket were queued."""
        if ticket.done or future is not ticket.future:
            return
        try:
            value = future.result(timeout=self._start_timeout_s)
        except BaseException as error:
            if type(error).__name__ == "KilledWorker" and not ticket.has_started and not ticket.retries:
                ticket.retries += 1  # it only waited behind the job that killed the worker
                self._control.submit(self._send, ticket, packed)
                return
            self._finish(ticket, ticket._fail, _explained(error, ticket, self._workers.get(ticket.lane)))
        else:
            self._finish(ticket, ticket._succeed, value)
        finally:
            future.release()

    def _call_back(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                call()
            except Exception:
                logging.getLogger(__name__).exception("a callback of the engine failed")


def _explained(error: BaseException, ticket: Ticket, worker: WorkerProcess | None = None) -> BaseException:
    """Turn what came back into something that a person can act on."""
    from napari_emseg.core.errors import Cancelled

    if isinstance(error, EmsegError | Cancelled):
        return error
    name = type(error).__name__
    where = ticket.function if isinstance(ticket.function, str) else getattr(ticket.function, "__name__", "")
    if name == "KilledWorker":
        why = worker.why_it_ended() if worker is not None else "the scheduler lost it"
        return EmsegError(
            f"the worker stopped: {why}",
            where,
            "it was started again; try a smaller region or a smaller tile",
        )
    if name in {"CancelledError", "FutureCancelledError"}:
        return Cancelled()
    explained = EmsegError(
        f"{name}: {error}".splitlines()[0], where, "try again, or report this with --debug"
    )
    explained.__cause__ = error
    return explained
