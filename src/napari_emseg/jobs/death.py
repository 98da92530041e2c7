"""Why a worker process has ended, and what a person can do about it."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

_COUNTERS = (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events"))
_COUNTER = "oom_kill"
_KILLED = -9
_ENDED = frozenset(found for found in signal.Signals if found.name in ("SIGTERM", "SIGINT", "SIGHUP"))
_WINDOWS_CRASHES = 0xC0000000  # and above: how Windows counts an access violation and its like
_LESS = "try a smaller region or a smaller tile"
_STARTED = "it was started again"
_REPORT = f"{_STARTED}; try once more, and report it if that happens again"


@dataclass(frozen=True, slots=True)
class Death:
    """How a worker ended.

    Attributes
    ----------
    words : str
    remedy : str
        What to do about it.
    """

    words: str
    remedy: str = _REPORT


LOST = Death("the scheduler lost it", f"try again; if its memory ran out there, {_LESS}")


def killed_for_memory() -> int | None:
    """How many processes the system has ended so far because memory ran out; None where it does not say."""
    counts = []
    for path in _COUNTERS:
        try:
            words = [line.split() for line in path.read_text("ascii").splitlines()]
            counts += [int(line[1]) for line in words if len(line) == 2 and line[0] == _COUNTER]
        except (OSError, ValueError):
            continue
    return sum(counts) if counts else None


def death_of(code: int | None, last_line: str, before: int | None, after: int | None) -> Death:
    """How a process ended.

    Parameters
    ----------
    code : int or None
        What it ended with; below 0, the signal.
    last_line : str
        The last that it said.
    before, after : int or None
        What `killed_for_memory` gave when it was started and when it had ended.
    """
    if code == _KILLED and (before is None or after is None):
        return Death("it was killed, most likely because the memory ran out", f"{_STARTED}; {_LESS}")
    if code == _KILLED and before is not None and after is not None and after > before:
        return Death("the memory ran out", f"{_STARTED}; {_LESS}")
    if code == _KILLED or (code is not None and -code in _ENDED):
        return Death(
            "something outside of the program ended it, and not for memory", f"{_STARTED}; try again"
        )
    if code is not None and code < 0:
        return Death(f"it crashed with signal {-code}")
    if code is not None and code >= _WINDOWS_CRASHES:
        return Death(f"it crashed with code 0x{code:08X}")
    return Death(f"it ended with code {code}" + (f": {last_line}" if last_line and code else ""))
