"""How a worker notices that its parent is gone, where the other tests cannot show it."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from napari_emseg.jobs import processes, worker


class Pipe:
    """Standard input of Windows: who reads from it keeps other threads from loading libraries."""

    def fileno(self) -> int:
        return 0

    def read(self) -> str:
        raise AssertionError("a thread that waits for input keeps every library from being loaded")


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often the pipe was looked at; it breaks at the third time."""
    found: list[int] = []

    def peek(handle: int, size: int) -> tuple[int, int]:
        found.append(handle)
        if len(found) == 3:
            raise BrokenPipeError
        return 0, size

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(sys, "stdin", Pipe())
    monkeypatch.setitem(sys.modules, "_winapi", SimpleNamespace(PeekNamedPipe=peek))
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(get_osfhandle=lambda number: number + 40))
    monkeypatch.setattr(worker, "_LOOK_PARENT_S", 0.001)
    return found


def test_on_windows_the_pipe_to_the_parent_is_looked_at_and_never_read(looks: list[int]) -> None:
    worker._wait_for_parents_end()
    assert looks == [40, 40, 40]


def test_a_broken_pipe_is_no_error_whatever_windows_calls_it() -> None:
    def close() -> None:
        raise OSError(22, "Invalid argument")

    processes._close_stdin(SimpleNamespace(stdin=SimpleNamespace(close=close)))  # type: ignore[arg-type]


def test_a_worker_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_END_S", 0.05)
    deaf = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(20)"], stdin=subprocess.PIPE, text=True
    )
    processes._end(deaf)
    assert deaf.returncode != 0


def test_a_system_that_starts_no_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    said: list[str] = []
    monkeypatch.setattr(processes.subprocess, "Popen", refuse)
    monkeypatch.setattr(processes, "_AGAIN_S", 0.01, raising=False)
    process = processes.WorkerProcess({}, said.append)
    process.start()
    process._watcher.join(10)
    assert said == ["it ended with code 12: Cannot allocate memory"]
    process.close()
