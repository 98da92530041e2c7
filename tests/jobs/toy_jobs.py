"""Jobs for the engine's tests: small enough to read at a glance, importable in the worker by name."""

from __future__ import annotations

import os
import signal
import time

from napari_emseg.core.errors import EmsegError


def double(request, progress):
    return request * 2


def count(request, progress):
    """Give ``request`` pieces, 10 ms apart."""
    for i in range(request):
        progress.report(i / request, "counting", number=float(i))
        progress.partial(i)
        time.sleep(0.01)
    return request


def steps(request, progress):
    """Work in steps of 20 ms until somebody stops it, and leave the number of steps in a file."""
    for i in range(500):
        request.write_text(str(i))
        progress.report(i / 500)
        time.sleep(0.02)
    return "never stopped"


def die(request, progress):
    time.sleep(0.05)
    os.kill(os.getpid(), request)
    time.sleep(10)


def die_once(request, progress):
    """Kill the worker the first time."""
    file, how = request
    if not file.exists():
        file.touch()
        os.kill(os.getpid(), how)
    return "lived"


def vanish(request, progress):
    time.sleep(0.05)
    os._exit(3)


def refuse(request, progress):
    raise EmsegError("too dark", "section 3", "exclude it")


def stumble(request, progress):
    return 1 // 0


def overflow(request, progress):
    raise MemoryError("12 GB")


def who(request, progress):
    return os.getpid(), os.getppid(), os.nice(0), os.environ["OMP_NUM_THREADS"]


def loaded(request, progress):
    import sys

    return request in sys.modules


KILL = int(signal.SIGKILL)
SEGV = int(signal.SIGSEGV)


def model_files(request, progress):
    """What a model's folder holds where the job runs."""
    from napari_emseg.jobs.shared_models import here

    return {file.name: file.read_bytes() for file in here(request).iterdir()}, here(request)


class Resumable:
    """A request whose job keeps what it has done."""

    resumable = True

    def __init__(self, path):
        self.path = path


def keeps(request, progress):
    """Works until it is stopped, then takes its time to write down how far it was."""
    n = 0
    try:
        while True:
            progress.report(0.5, "working", n=n)
            n += 1
            time.sleep(0.02)
    except BaseException:
        time.sleep(1.5)
        request.path.write_text(str(n))
        raise
