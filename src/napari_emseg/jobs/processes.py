"""Local worker processes: start, watch, restart, end.

Dask's own nanny starts its worker with `multiprocessing`, which runs the person's script a second time in
the worker unless it is guarded by ``if __name__ == "__main__"``; napari scripts rarely are. A plain
subprocess has no such trap, and its standard input tells it when its parent is gone.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from napari_emseg.jobs.death import Death, death_of, killed_for_memory
from napari_emseg.jobs.worker import READY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MAX_FALSE_STARTS = 3
_AGAIN_S = 3.0  # until another process is tried, where the system refused one
_KEPT_LINES = 40
_END_S = 2.0
_ALONE_AFTER_S = 1.0
_REAPED_WITHIN_S = 1.0
# Windows would open a black window for each worker of a napari that was started without one.
_FLAGS = getattr(subprocess, "CREATE_NO_WINDOW", 0)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerProcess:
    """One worker process that is restarted whenever it ends by itself.

    Parameters
    ----------
    instructions : mapping
        What `napari_emseg.jobs.worker` reads: scheduler, name, resources, security, nice, host.
    on_failed : callable
        Called, from the watching thread, with a reason once the process cannot be kept alive.
    environment : mapping, optional
        Variables that the worker gets where this process has not got them itself.
    ends_alone : bool
        Whether it is told to end and not killed when it does not at once: it may have something to write down first.
    """

    def __init__(
        self,
        instructions: Mapping[str, Any],
        on_failed: Callable[[str], None],
        environment: Mapping[str, str] | None = None,
        *,
        ends_alone: bool = False,
    ) -> None:
        self._ends_alone = ends_alone
        self._instructions = dict(instructions)
        self._environment = {"OMP_NUM_THREADS": str(cores()), **(environment or {})}
        self._on_failed = on_failed
        self._closing = threading.Event()
        self._lines: collections.deque[str] = collections.deque(maxlen=_KEPT_LINES)
        self._last_exit: int | None = None
        self._killed_before = self._killed_after = killed_for_memory()
        self._deaths = self._explained_deaths = 0
        self._process: subprocess.Popen[str] | None = None
        self._watcher = threading.Thread(target=self._keep_alive, name="emseg-worker-watch", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id, while the process runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the process and its watcher; returns at once."""
        self._watcher.start()

    def close(self) -> None:
        """End the process, politely if it listens."""
        self._closing.set()
        process = self._process
        if process is not None and self._ends_alone:
            _close_stdin(process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_ALONE_AFTER_S)
            return
        if process is not None:
            _end(process)
        self._watcher.join(_END_S)

    def why_it_ended(self) -> Death:
        """How the process ended just now.

        The scheduler hears of a death from the closed connection, often before the process is reaped, so
        this waits a moment for the exit code.
        """
        deadline = time.monotonic() + _REAPED_WITHIN_S
        while time.monotonic() < deadline and self._deaths == self._explained_deaths:
            time.sleep(0.01)
        self._explained_deaths = self._deaths
        last = next((line.strip() for line in reversed(self._lines) if line.strip() not in ("", READY)), "")
        return death_of(self._last_exit, last, self._killed_before, self._killed_after)

    def _keep_alive(self) -> None:
        false_starts = 0
        while not self._closing.is_set():
            began = killed_for_memory()
            try:
                is_ready = self._live()
            except OSError as error:  # no memory for a process, or too many of them
                is_ready, self._last_exit = False, error.errno or 1
                self._lines.append(error.strerror or str(error))
                self._closing.wait(_AGAIN_S)
            self._killed_before, self._killed_after = began, killed_for_memory()
            self._deaths += 1
            false_starts = 0 if is_ready else false_starts + 1
            if false_starts >= _MAX_FALSE_STARTS and not self._closing.is_set():
                self._on_failed(self.why_it_ended().words)
                return

    def _live(self) -> bool:
        """Run the process until it ends; whether it came as far as serving.

        Raises
        ------
        OSError
            If the system starts no process.
        """
        process = self._process = self._spawn()
        if self._closing.is_set():
            _end(process)
        assert process.stderr is not None
        is_ready = False
        for line in process.stderr:
            is_ready |= line.strip() == READY
            self._lines.append(line)
        process.stderr.close()
        self._last_exit = process.wait()
        _close_stdin(process)
        return is_ready

    def _spawn(self) -> subprocess.Popen[str]:
        environment = {**self._environment, "PYTHONWARNINGS": "ignore", **os.environ}
        process = subprocess.Popen(
            [sys.executable, "-m", "napari_emseg.jobs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
            start_new_session=True,  # Ctrl-C in the terminal is for the parent alone
            creationflags=_FLAGS,
        )
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it died at once; the watcher sees that
            process.stdin.write(json.dumps(self._instructions) + "\n")
            process.stdin.flush()
        return process


def _close_stdin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # Windows calls a broken pipe an invalid argument
        process.stdin.close()


def _end(process: subprocess.Popen[str]) -> None:
    _close_stdin(process)
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
