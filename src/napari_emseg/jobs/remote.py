"""The worker's side of a job: find the function, run it, tell how far it is, stop when asked.

Everything here is imported by name in the worker process and is free of torch.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import pickle
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
from distributed import WorkerPlugin, get_worker

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.model_card import CARD, WEIGHTS
from napari_emseg.jobs.shared_models import MARK, THREADS

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Worker

STOPS = "napari-emseg-stops"
_REPORT_EVERY_S = 0.04  # more often than 25 times a second nobody sees


class Stops(WorkerPlugin):
    """Tickets that are to stop; one of these lives in every worker process."""

    name = STOPS
    idempotent = True

    def __init__(self) -> None:
        self.tickets: set[str] = set()
        self.keeping: set[str] = set()
        """Jobs that keep what they have done when they are stopped, or take away what is half-written: worth waiting for."""
        self.is_ending = False

    def setup(self, worker: Worker) -> None:
        """Forget the one thread that Dask's nanny writes into the environment of all its workers: nobody has wished for it."""
        if os.environ.get(THREADS):
            os.environ["OMP_NUM_THREADS"] = os.environ[THREADS]
            return
        default = dask.config.get("distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS", None)
        if worker.nanny is not None and os.environ.get("OMP_NUM_THREADS") == str(default):
            del os.environ["OMP_NUM_THREADS"]


class SentModel(WorkerPlugin):
    """A model in the worker's own folder; workers that come later get it too.

    Parameters
    ----------
    name : str
        Of the plugin: one for each content.
    files : dict of str to bytes
        What the model's folder holds.
    """

    idempotent = True

    def __init__(self, name: str, files: dict[str, bytes]) -> None:
        self.name = name
        self._files = files
        self.folder = Path()

    @classmethod
    def of(cls, model: Path) -> SentModel:
        """Pack a model folder."""
        files = {name: (model / name).read_bytes() for name in (CARD, WEIGHTS)}
        content = hashlib.sha256(b"\0".join(files.values())).hexdigest()[:32]
        return cls(f"{MARK}/{content}", files)

    def setup(self, worker: Worker) -> None:
        """Unpack it."""
        self.folder = Path(worker.local_directory) / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, content in self._files.items():
            (self.folder / name).write_bytes(content)
        self._files = {}


def stops_of(worker: Worker) -> Stops:
    """What is to stop in a worker."""
    plugin = worker.plugins[STOPS]
    assert isinstance(plugin, Stops)
    return plugin


def request_stop(ticket: str, dask_worker: Worker) -> None:
    """Note in this worker that a ticket is to stop (runs in the worker's event loop, beside the task)."""
    stops_of(dask_worker).tickets.add(ticket)


def load(function: str) -> Callable[[Any, Any], Any]:
    """Import ``"module:function"``.

    Raises
    ------
    EmsegError
        If there is no such module or function.
    """
    module, _, name = function.partition(":")
    try:
        found: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise EmsegError(
            "the worker cannot find the job", f"{function} ({error})", "reinstall it there"
        ) from error
    return found


class RemoteProgress:
    """Progress that travels to the client over the worker's open connection.

    Events share the connection with the message that says that the task is done, so they arrive in order
    and before it. They cost one way (1-2 ms), where a distributed queue costs two round trips.
    """

    def __init__(self, ticket: str, topic: str) -> None:
        self._ticket = ticket
        self._topic = topic
        self._worker = get_worker()
        self._stops = stops_of(self._worker)
        self._last = 0.0

    def check(self) -> None:
        """Raise `Cancelled` if this ticket is to stop."""
        if self._ticket in self._stops.tickets or self._stops.is_ending:
            raise Cancelled

    def forget(self) -> None:
        """Drop the wish to stop: the ticket is over."""
        self._stops.tickets.discard(self._ticket)
        self._stops.keeping.discard(self._ticket)

    def keep(self) -> None:
        """Have the worker wait for this job when the window goes."""
        self._stops.keeping.add(self._ticket)

    def send(self, kind: str, payload: Any) -> None:
        """Send one event, pickled, to whoever holds the ticket."""
        self._worker.log_event(self._topic, (self._ticket, kind, pickle.dumps(payload, protocol=5)))

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Say how far the work is. Reports that nobody could see are dropped, values travel always."""
        self.check()
        now = time.monotonic()
        if values or fraction >= 1 or now - self._last >= _REPORT_EVERY_S:
            self._last = now
            self.send("progress", (fraction, message, values))

    def partial(self, value: Any) -> None:
        """Hand over a piece of the result."""
        self.check()
        self.send("partial", value)


def run_job(ticket: str, topic: str, packed: bytes) -> Any:
    """Run one job in this worker; `packed` is the pickled pair (function, request).

    The request stays bytes until here, so that the scheduler, which may be another machine, need not
    understand it.
    """
    progress = RemoteProgress(ticket, topic)
    try:
        progress.check()
        progress.send("started", None)
        function, request = pickle.loads(packed)
        if getattr(request, "resumable", False) or getattr(request, "tidies_up", False):
            progress.keep()
        run = load(function) if isinstance(function, str) else function
        return run(request, progress)
    except MemoryError as error:
        raise EmsegError(
            "not enough memory", str(error), "take a smaller region or a smaller tile"
        ) from error
    finally:
        progress.forget()
