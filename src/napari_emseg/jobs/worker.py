"""Main of a local worker process: ``python -m napari_emseg.jobs.worker``, instructions on standard input.

The instructions are one line of JSON. After it the pipe stays open and silent: when it closes, the parent
has closed the engine or has died, however suddenly, and the worker ends too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

READY = "napari-emseg worker ready"

_GRACE_S = 1.0  # for leaving the scheduler politely; a task that still runs then is worthless
_KEEP_S = 20.0  # for a job that writes down what it has done, so that it can go on another day
_LOOK_S = 0.02
_LOOK_PARENT_S = 0.2
_FIRST_OUT_OF_MEMORY = 700  # of 1000: the kernel is to kill the worker before the window


def _be_modest(nice: int) -> None:
    """Let clicks and the window go first, and let the kernel pick this process when memory runs out."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if nice else psutil.NORMAL_PRIORITY_CLASS)
    elif nice:
        os.nice(nice)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_FIRST_OUT_OF_MEMORY), "ascii")


async def _serve(instructions: dict[str, Any]) -> None:
    import dask
    from distributed import Worker
    from distributed.security import Security

    dask.config.set({"distributed.worker.profile.enabled": False, "distributed.worker.http.routes": []})
    logging.getLogger("distributed").setLevel(logging.ERROR)  # the last line is shown when this ends
    worker = Worker(
        instructions["scheduler"],
        name=instructions["name"],
        host=instructions["host"],
        nthreads=1,
        memory_limit=0,  # no spilling: a request that does not fit is refused by the job itself
        resources=instructions["resources"],
        security=Security(**instructions["security"]),  # type: ignore[no-untyped-call]
        dashboard=False,
        death_timeout=30,
    )
    loop = asyncio.get_running_loop()

    def end_with_parent() -> None:
        _wait_for_parents_end()
        _let_jobs_keep(worker)
        threading.Timer(_GRACE_S, os._exit, (0,)).start()
        with contextlib.suppress(RuntimeError):  # the loop may be closed already
            asyncio.run_coroutine_threadsafe(worker.close(timeout=_GRACE_S / 2, nanny=False), loop)

    threading.Thread(target=end_with_parent, daemon=True).start()
    async with worker:
        print(READY, file=sys.stderr, flush=True)  # noqa: T201 - the parent listens
        await worker.finished()  # type: ignore[no-untyped-call]
        await asyncio.to_thread(_let_jobs_keep, worker)  # the scheduler is in the parent, too


def _wait_for_parents_end() -> None:
    """Return when the parent has closed its end of standard input, or has died."""
    if sys.platform == "win32":
        import _winapi
        import msvcrt

        # A thread that waits for input keeps every library from being loaded: its start asks what kind of file that is.
        pipe = msvcrt.get_osfhandle(sys.stdin.fileno())
        with contextlib.suppress(OSError):
            while True:
                _winapi.PeekNamedPipe(pipe, 0)
                time.sleep(_LOOK_PARENT_S)
    else:
        sys.stdin.read()


def _let_jobs_keep(worker: Any) -> None:
    """Stop all jobs, and wait for those that have something to keep."""
    from napari_emseg.jobs.remote import STOPS

    stops = worker.plugins.get(STOPS)
    if stops is None:  # no job has come yet
        return
    stops.is_ending = True
    deadline = time.monotonic() + _KEEP_S
    while stops.keeping and time.monotonic() < deadline:
        time.sleep(_LOOK_S)


def main() -> None:
    """Serve until the parent's end of standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    instructions = json.loads(sys.stdin.readline())
    _be_modest(instructions["nice"])
    asyncio.run(_serve(instructions))
    os._exit(0)  # a task thread may still be busy with what nobody wants any more


if __name__ == "__main__":
    main()
