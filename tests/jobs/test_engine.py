"""The engine against real worker processes; one engine serves the whole file."""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.jobs.death import Death
from napari_emseg.jobs.engine import Engine

HERE = str(Path(__file__).parent)


@pytest.fixture(scope="module")
def engine():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", HERE)
        with Engine() as engine:
            assert engine.wait_until_ready(60)
            yield engine


class Heard:
    """Everything that one ticket said, in order."""

    def __init__(self):
        self.all = queue.SimpleQueue()
        self.callbacks = {
            "on_progress": lambda *x, **values: self.all.put(("progress", (*x, values))),
            "on_partial": lambda x: self.all.put(("partial", x)),
            "on_done": lambda x: self.all.put(("done", x)),
            "on_error": lambda x: self.all.put(("error", x)),
        }

    def next(self, *kinds, timeout=20):
        while True:
            kind, value = self.all.get(timeout=timeout)
            if kind in kinds:
                return kind, value

    def end(self, timeout=20):
        return self.next("done", "error", timeout=timeout)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def wait_for(condition, timeout=10):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_submitting_before_it_is_ready_returns_at_once_and_works():
    began = time.monotonic()
    with Engine() as engine:
        heard = Heard()
        engine.submit("operator:add", 1, **heard.callbacks)
        assert time.monotonic() - began < 0.3
        kind, error = heard.end(60)  # operator.add(1, progress) is a TypeError: it ran, and said so
    assert kind == "error"
    assert "TypeError" in error.what


def test_arrays_come_back_equal(engine):
    image = np.arange(3 * 64 * 64, dtype=np.uint16).reshape(3, 64, 64)
    np.testing.assert_array_equal(engine.call("toy_jobs:double", image), image * 2)


def test_pieces_and_progress_arrive_in_order_and_before_the_result(engine):
    heard = Heard()
    engine.submit("toy_jobs:count", 5, **heard.callbacks)
    pieces, numbers = [], []
    while True:
        kind, value = heard.next("progress", "partial", "done", "error")
        if kind == "partial":
            pieces.append(value)
        elif kind == "progress":
            numbers.append(value[2]["number"])
        else:
            break
    assert (kind, value) == ("done", 5)
    assert pieces == [0, 1, 2, 3, 4]
    assert numbers == [0, 1, 2, 3, 4]


def test_cancel_stops_the_worker_at_its_next_step(engine, tmp_path):
    file = tmp_path / "steps"
    heard = Heard()
    ticket = engine.submit("toy_jobs:steps", file, **heard.callbacks)
    heard.next("progress")
    ticket.cancel()
    kind, error = heard.end(timeout=0.3)
    assert kind == "error"
    assert isinstance(error, Cancelled)
    began = time.monotonic()
    assert engine.call("toy_jobs:double", 4) == 8  # the same worker is free again
    assert time.monotonic() - began < 0.3
    last = file.read_text()
    time.sleep(0.1)
    assert file.read_text() == last
    assert heard.all.empty()


def test_a_newer_request_in_a_slot_makes_the_older_one_stale(engine, tmp_path):
    old, new = Heard(), Heard()
    first = engine.submit("toy_jobs:steps", tmp_path / "old", slot="predict", **old.callbacks)
    old.next("progress")
    second = engine.submit("toy_jobs:double", 21, slot="predict", **new.callbacks)
    assert second.generation > first.generation
    assert new.end() == ("done", 42)
    kind, error = old.end()
    assert kind == "error"
    assert isinstance(error, Cancelled)


def test_cancelled_before_it_starts_it_never_runs(engine, tmp_path):
    busy, waiting = Heard(), Heard()
    first = engine.submit("toy_jobs:steps", tmp_path / "busy", **busy.callbacks)
    second = engine.submit("toy_jobs:steps", tmp_path / "waiting", **waiting.callbacks)
    busy.next("progress")
    second.cancel()
    first.cancel()
    assert engine.call("toy_jobs:double", 1) == 2
    assert not (tmp_path / "waiting").exists()


@pytest.mark.parametrize(
    ("job", "request_", "words"),
    [
        ("toy_jobs:die", signal.SIGKILL, "memory"),
        ("toy_jobs:die", signal.SIGSEGV, "signal 11"),
        ("toy_jobs:vanish", None, "code 3"),
    ],
)
def test_a_dead_worker_is_one_clear_error_and_later_requests_work(engine, job, request_, words):
    heard, behind = Heard(), Heard()
    engine.submit(job, request_, **heard.callbacks)
    engine.submit("toy_jobs:double", 5, **behind.callbacks)
    kind, error = heard.end()
    assert kind == "error"
    assert isinstance(error, EmsegError)
    assert "the worker stopped" in error.what
    assert words in error.what
    assert behind.end() == ("done", 10)  # it only waited behind the one that died
    assert engine.call("toy_jobs:double", 6) == 12
    assert heard.all.empty()


def test_a_refusal_arrives_unchanged(engine):
    with pytest.raises(EmsegError) as caught:
        engine.call("toy_jobs:refuse", None)
    assert (caught.value.what, caught.value.where, caught.value.remedy) == (
        "too dark",
        "section 3",
        "exclude it",
    )


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ("toy_jobs:stumble", "ZeroDivisionError"),
        ("toy_jobs:overflow", "not enough memory"),
        ("toy_jobs:nothing_of_this_name", "cannot find the job"),
    ],
)
def test_other_failures_become_errors_in_words(engine, job, words):
    with pytest.raises(EmsegError, match=words):
        engine.call(job, None)


def test_an_unpicklable_request_is_refused(engine):
    with pytest.raises(EmsegError, match="pickle"):
        engine.call("toy_jobs:double", lambda: None)


def test_the_background_lane_has_its_own_lower_priority_process(engine, tmp_path):
    front = engine.call("toy_jobs:who", None)
    back = engine.call("toy_jobs:who", None, lane="background")
    assert front[0] != back[0]
    assert front[1] == back[1] == os.getpid()
    assert back[2] >= front[2] + 10 or back[2] == 19
    ticket = engine.submit("toy_jobs:steps", tmp_path / "busy", lane="background")
    began = time.monotonic()
    assert engine.call("toy_jobs:double", 1) == 2  # clicks do not wait for learning
    assert time.monotonic() - began < 1
    ticket.cancel()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs the socket tables of Linux")
def test_everything_listens_on_loopback_only(engine):
    pids = [os.getpid(), engine.call("toy_jobs:who", None)[0]]
    links = []
    for file in (fd for pid in pids for fd in Path(f"/proc/{pid}/fd").iterdir()):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            links.append(str(file.readlink()))
    listening = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state, inode = (line.split()[i] for i in (1, 3, 9))
            if state == "0A":  # listening
                listening[f"socket:[{inode}]"] = local.split(":")[0]
    ours = {listening[link] for link in links if link in listening}
    assert ours == {"0100007F"}  # 127.0.0.1


def test_cancelling_at_once_never_runs_it(engine, tmp_path):
    for n in range(5):
        engine.submit("toy_jobs:steps", tmp_path / str(n)).cancel()
    assert engine.call("toy_jobs:double", 1) == 2
    time.sleep(0.1)
    sizes = [path.read_text() for path in tmp_path.iterdir()]
    time.sleep(0.1)
    assert [path.read_text() for path in tmp_path.iterdir()] == sizes


def test_a_large_request_is_scattered(engine):
    image = np.arange(6_000_000, dtype=np.uint8).reshape(6, 1000, 1000)
    np.testing.assert_array_equal(engine.call("toy_jobs:double", image), image * 2)


def test_a_failing_callback_does_not_stop_the_others(engine, caplog):
    def bad(_value):
        raise RuntimeError("slot failed")

    engine.submit("toy_jobs:double", 1, on_done=bad)
    assert engine.call("toy_jobs:double", 2) == 4
    assert "a callback of the engine failed" in caplog.text


def test_closing_ends_every_process_and_every_ticket(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", HERE)
    heard = Heard()
    with Engine() as engine:
        pids = [engine.call("toy_jobs:who", None, lane=lane)[0] for lane in ("interactive", "background")]
        engine.submit("toy_jobs:steps", tmp_path / "busy", **heard.callbacks)
        heard.next("progress")
    kind, error = heard.end(0.5)
    assert kind == "error"
    assert isinstance(error, Cancelled)
    assert not any(alive(pid) for pid in pids)
    with pytest.raises(EmsegError, match="closed"):
        engine.call("toy_jobs:double", 1)


def test_a_scheduler_that_does_not_answer_is_one_error():
    with Engine("tcp://127.0.0.1:9", start_timeout_s=0.5) as engine, pytest.raises(EmsegError) as caught:
        engine.call("toy_jobs:double", 1)
    assert "did not start" in caught.value.what
    assert caught.value.where == "tcp://127.0.0.1:9"


def test_a_remote_scheduler_serves_the_same_jobs(tmp_path, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.syspath_prepend(HERE)
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Engine(cluster.scheduler_address) as engine,
    ):
        heard = Heard()
        engine.submit("toy_jobs:count", 2, **heard.callbacks)
        assert [heard.next("partial", "done")[1] for _ in range(3)] == [0, 1, 2]
        ticket = engine.submit("toy_jobs:steps", tmp_path / "steps", lane="background", **heard.callbacks)
        heard.next("progress")
        ticket.cancel()
        assert isinstance(heard.end()[1], Cancelled)
        time.sleep(0.3)
        last = (tmp_path / "steps").read_text()
        time.sleep(0.1)
        assert (tmp_path / "steps").read_text() == last


SCRIPT = """
import sys, time
from napari_emseg.jobs.engine import Engine
engine = Engine()  # no __main__ guard, as in most napari scripts
print(engine.call("toy_jobs:who", None)[0], "torch" in sys.modules, "logging" in sys.modules and
      bool(__import__("logging").getLogger().handlers), flush=True)
time.sleep(60)
"""


def test_an_engine_that_nobody_closed_ends_with_the_program_quietly(tmp_path):
    (tmp_path / "script.py").write_text(
        SCRIPT.replace(
            "time.sleep(60)",
            f"""
engine.submit("toy_jobs:steps", __import__("pathlib").Path({str(tmp_path / "steps")!r}))
time.sleep(0.2)
""",
        )
    )
    environment = {**os.environ, "PYTHONPATH": HERE}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    wait_for(lambda: not alive(int(done.stdout.split()[0])), timeout=5)


def test_the_worker_ends_when_its_parent_is_killed(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": HERE}
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py")], stdout=subprocess.PIPE, text=True, env=environment
    )
    with parent:
        pid, has_torch, has_logging = parent.stdout.readline().split()
        assert (has_torch, has_logging) == ("False", "False")
        assert alive(int(pid))
        parent.kill()
    wait_for(lambda: not alive(int(pid)))


def test_a_job_that_keeps_what_it_has_done_is_left_the_time_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", HERE)
    monkeypatch.syspath_prepend(HERE)
    from toy_jobs import Resumable

    heard = Heard()
    with Engine() as engine:
        pid = engine.call("toy_jobs:who", None, lane="background")[0]
        engine.submit("toy_jobs:keeps", Resumable(tmp_path / "kept"), lane="background", **heard.callbacks)
        heard.next("progress")
    wait_for(lambda: not alive(pid), timeout=20)
    assert int((tmp_path / "kept").read_text()) > 0


def test_a_worker_that_dies_before_it_begins_is_tried_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledWorker(Exception):  # noqa: N818 - Dask's name
        pass

    def send(_ticket: str, attempt: int, _lane: str, _packed: bytes, on_end: Any) -> None:
        attempts.append(attempt)
        on_end(*(("lived", None) if attempts[2:] else (None, KilledWorker())))

    attempts: list[int] = []
    dying = SimpleNamespace(
        send=send, ensure=Mock(), close=Mock(), why_it_died=lambda _: Death("the memory ran out")
    )
    monkeypatch.setattr("napari_emseg.jobs.backend.Backend", lambda *_: dying)
    with Engine() as engine, pytest.raises(EmsegError, match="the worker stopped: the memory ran out"):
        engine.call("toy_jobs:double", 1)
    assert attempts == [0, 1]


def test_an_engine_that_is_closed_while_it_starts_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class SlowBackend:
        def __init__(self, *_: object) -> None:
            begun.set()
            go_on.wait(5)

        def close(self) -> None: ...

    monkeypatch.setattr("napari_emseg.jobs.backend.Backend", SlowBackend)
    engine = Engine()
    engine.start()
    assert begun.wait(5)
    threading.Timer(0.05, go_on.set).start()
    engine.close()
    kept = weakref.ref(engine)
    del engine
    gc.collect()
    assert kept() is None
