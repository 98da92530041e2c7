"""The Dask side of the engine: a scheduler, a client of it, and on this machine the worker processes.

All methods may wait; the engine calls them from threads of its own, never from the window's.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.cluster import connect, instructions, private_cluster
from napari_emseg.jobs.death import LOST, Death
from napari_emseg.jobs.processes import WorkerProcess
from napari_emseg.jobs.remote import SentModel, request_stop, run_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Client, Future, LocalCluster

LOCAL = "local"

_NICE = {"interactive": 0, "background": 10}  # clicks go before learning on the same cores
_PRIORITY = {"interactive": 10, "background": 0}  # on a scheduler whose workers serve both
_KEPT_EVENTS = 20  # the scheduler keeps this many past events; tiles are 256 KB each
_SCATTER_FROM = 4_000_000  # bytes; larger requests are not part of the task itself
_CLOSE_S = 5.0


class Backend:
    """A running scheduler and what belongs to it.

    Parameters
    ----------
    scheduler : str
        ``"local"``, an address, or the file of a scheduler.
    topic : str
        Name under which workers send events to this client.
    on_event : callable
        Called with (time, (ticket, kind, payload)) in the client's thread.
    on_failed : callable
        Called with an `EmsegError` when a local worker cannot be kept alive.
    timeout_s : float
        How long to wait for the scheduler and the first worker.

    Raises
    ------
    EmsegError
        If it does not start.
    """

    def __init__(
        self,
        scheduler: str,
        topic: str,
        on_event: Callable[[Any], None],
        on_failed: Callable[[EmsegError], None],
        timeout_s: float,
    ) -> None:
        self._topic = topic
        self._on_failed = on_failed
        self._cluster: LocalCluster | None = None
        self._client: Client | None = None
        self._workers: dict[str, WorkerProcess] = {}
        try:
            if scheduler == LOCAL:
                self._cluster = private_cluster(_KEPT_EVENTS)
                self.ensure("interactive")
            self._client = connect(self._cluster or scheduler, timeout_s)
            self._client.subscribe_topic(topic, on_event)  # type: ignore[no-untyped-call]
            self._client.wait_for_workers(1, timeout=timeout_s)
        except EmsegError:
            self.close()
            raise
        except Exception as error:  # Dask's, ssl's or the system's: for the person it is all the same
            self.close()
            where = "this computer" if scheduler == LOCAL else scheduler
            raise EmsegError(f"the engine did not start ({error})", where, "start it again") from error

    def ensure(self, lane: str) -> None:
        """Start the local worker of a lane, if there is none yet."""
        if self._cluster is None or lane in self._workers:
            return

        def failed(why: str) -> None:
            what = f"the {lane} worker cannot be started ({why})"
            self._on_failed(EmsegError(what, "this computer", "mend that and start the program again"))

        self._workers[lane] = WorkerProcess(
            instructions(self._cluster, lane, _NICE[lane]), failed, ends_alone=lane == "background"
        )
        self._workers[lane].start()

    def share(self, model: Path) -> Path:
        """Let all workers have a model, those that come later too; returns what to call it there."""
        if self._cluster is not None or self._client is None:
            return model
        sent = SentModel.of(model)
        self._client.register_plugin(sent)
        return Path(sent.name)

    def send(
        self,
        ticket: str,
        attempt: int,
        lane: str,
        packed: bytes,
        on_end: Callable[[Any, BaseException | None], None],
    ) -> Future[Any]:
        """Start a job; `packed` is the pickled pair (function, request).

        `on_end` is called with (result, None) or (None, error), in the client's thread, after all events of
        the job.
        """
        assert self._client is not None
        argument: Any = packed
        if len(packed) > _SCATTER_FROM:
            argument = self._client.scatter(packed, hash=False)  # type: ignore[no-untyped-call]
        where = {"resources": {lane: 1}} if self._cluster is not None else {}
        future: Future[Any] = self._client.submit(
            run_job,
            ticket,
            self._topic,
            argument,
            key=f"{ticket}-{attempt}",
            pure=False,
            priority=_PRIORITY[lane],
            **where,
        )
        client = self._client

        async def wait() -> None:
            try:
                value = await client.gather(future, asynchronous=True)  # type: ignore[no-untyped-call]
            except BaseException as error:  # also those that end a thread: they are the job's, not ours
                on_end(None, error)
            else:
                on_end(value, None)
            finally:
                future.release()  # type: ignore[no-untyped-call]

        assert client.loop is not None
        client.loop.add_callback(wait)
        return future

    def stop(self, ticket: str, future: Future[Any]) -> None:
        """Tell the workers that a ticket is worthless, and the scheduler that nobody waits for it."""
        if self._client is None or future.done():  # type: ignore[no-untyped-call]
            return
        with contextlib.suppress(Exception):  # the worker is gone: that stops it too
            self._client.run(request_stop, ticket, on_error="ignore")
            future.cancel()  # type: ignore[no-untyped-call]

    def why_it_died(self, lane: str) -> Death:
        """What ended the worker of a lane."""
        worker = self._workers.get(lane)
        return worker.why_it_ended() if worker is not None else LOST

    def close(self) -> None:
        """End workers, client and scheduler."""
        for worker in self._workers.values():
            worker.close()
        for part in (self._client, self._cluster):
            if part is not None:
                part.close(timeout=_CLOSE_S)
        self._client = self._cluster = None
