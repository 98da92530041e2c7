"""Answers come to the window's thread, in order, and only if they are still wanted."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.ui.runner import Handlers, Runner, Work


class Box:
    """Collects what came back."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []

    def handlers(self) -> Handlers:
        note = self.got.append
        return Handlers(
            lambda v: note(("done", v)),
            lambda e: note(("failed", str(e))),
            lambda: note(("stopped", None)),
            lambda w: note(("progress", w.fraction)),
            lambda p: note(("partial", p)),
        )


class Request:
    """A request whose callbacks the test calls."""

    cancelled = False
    back: dict[str, Callable[..., None]]

    def __call__(self, **callbacks: Callable[..., None]) -> Request:
        self.back = callbacks
        return self

    def cancel(self) -> None:
        self.cancelled = True


@pytest.fixture
def queue() -> list[Callable[[], None]]:
    return []


@pytest.fixture
def runner(queue: list[Callable[[], None]]) -> Runner:
    return Runner(queue.append, ThreadPoolExecutor(1))


def drain(queue: list[Callable[[], None]]) -> None:
    while queue:
        queue.pop(0)()


def test_everything_arrives_in_order(runner: Runner, queue: list[Any]) -> None:
    box, request = Box(), Request()
    assert runner.submit("predict", request, box.handlers()) == 1
    request.back["on_progress"](0.5, "half", loss=1.0)
    request.back["on_partial"]("tile")
    request.back["on_done"](7)
    assert box.got == []
    drain(queue)
    assert box.got == [("progress", 0.5), ("partial", "tile"), ("done", 7)]
    assert not runner.is_running("predict")


@pytest.mark.parametrize("ends", ["answered", "dropped"])
def test_what_was_asked_for_is_not_held_when_it_is_over(runner: Runner, queue: list[Any], ends: str) -> None:
    def ask() -> weakref.ref[Box]:
        box, request = Box(), Request()
        runner.submit("predict", request, replace(box.handlers(), done=lambda _: box.got.clear()))
        if ends == "answered":
            request.back["on_done"](7)
            drain(queue)
        return weakref.ref(box)

    held = ask()
    runner.drop("predict")
    gc.collect()
    assert held() is None


def test_work_that_cannot_begin_is_not_waited_for(queue: list[Any]) -> None:
    def refuse(*_: object, **__: object) -> Request:
        raise EmsegError("there is no engine")

    box = Box()
    with ThreadPoolExecutor(1) as executor:
        runner = Runner(queue.append, executor)
        with pytest.raises(EmsegError, match="there is no engine"):
            runner.submit("predict", refuse, box.handlers())
        assert not runner.is_running("predict")
        runner.submit_prepared("predict", lambda: 1, refuse, box.handlers())
        runner.submit_prepared("tidy", refuse, Request(), box.handlers())
    drain(queue)
    assert box.got == [("failed", "there is no engine")] * 2
    assert not any(map(runner.is_running, ("predict", "tidy")))


def test_a_newer_request_makes_the_older_worthless(runner: Runner, queue: list[Any]) -> None:
    old, new, first, second = Box(), Box(), Request(), Request()
    runner.submit("predict", first, old.handlers())
    runner.submit("predict", second, new.handlers())
    assert first.cancelled
    first.back["on_partial"]("late tile")
    first.back["on_done"]("late")
    first.back["on_error"](Cancelled())
    second.back["on_done"]("fresh")
    drain(queue)
    assert old.got == []
    assert new.got == [("done", "fresh")]


def test_an_answer_that_waits_in_the_queue_is_dropped_too(runner: Runner, queue: list[Any]) -> None:
    old, first = Box(), Request()
    runner.submit("predict", first, old.handlers())
    first.back["on_done"]("too late")
    runner.submit("predict", Request(), Box().handlers())
    drain(queue)
    assert old.got == []


def test_other_keys_do_not_disturb(runner: Runner, queue: list[Any]) -> None:
    box, request = Box(), Request()
    runner.submit("train", request, box.handlers())
    runner.submit("predict", Request(), Box().handlers())
    request.back["on_done"](1)
    drain(queue)
    assert box.got == [("done", 1)]


def test_stopped_and_failed_are_different(runner: Runner, queue: list[Any]) -> None:
    for error, said in (
        (Cancelled(), ("stopped", None)),
        (EmsegError("no model", "here", "choose one"), ("failed", "no model, here, choose one")),
        (ValueError("odd"), ("failed", "this did not work (ValueError: odd)")),
    ):
        box, request = Box(), Request()
        runner.submit("predict", request, box.handlers())
        request.back["on_error"](error)
        drain(queue)
        assert box.got == [said]


def test_stop_reaches_the_ticket(runner: Runner) -> None:
    request = Request()
    runner.submit("train", request, Box().handlers())
    runner.stop("train")
    assert request.cancelled


def test_a_request_is_prepared_off_the_windows_thread(runner: Runner, queue: list[Any]) -> None:
    box, request, ready = Box(), Request(), threading.Event()
    where: list[str] = []

    def prepare() -> str:
        where.append(threading.current_thread().name)
        return "request"

    def submit(value: str, **callbacks: Any) -> Request:
        assert value == "request"
        request(**callbacks)
        ready.set()
        return request

    runner.submit_prepared("predict", prepare, submit, box.handlers())
    assert ready.wait(5)
    assert where != [threading.main_thread().name]
    request.back["on_done"](3)
    drain(queue)
    assert box.got == [("done", 3)]


def test_remaining_time_is_told_when_it_is_known(runner: Runner, queue: list[Any]) -> None:
    seen: list[Work] = []
    request = Request()
    plain = Box().handlers()
    runner.submit("x", request, Handlers(plain.done, plain.failed, plain.stopped, seen.append))
    request.back["on_progress"](0.5, "half")
    runner._started["x"] -= 10
    request.back["on_progress"](0.5, "half")
    drain(queue)
    assert seen[1].remaining_s == pytest.approx(10, abs=1)


def test_the_list_of_stages_follows_a_bar_that_was_not_told_of_every_step(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_emseg.ui import bench
    from napari_emseg.ui.runner import Work

    now = 100.0
    monkeypatch.setattr(bench, "time", SimpleNamespace(monotonic=lambda: now))
    told: list[float] = []
    desk.state_changed.connect(lambda: told.extend(work.fraction for work in desk.work.values()))
    learning = desk.handlers("train", lambda value: None)
    learning.progress(Work(0.0, "looking", None, {}))
    learning.progress(Work(0.4, "learning", None, {}))  # too soon to be shown
    now += 1
    learning.progress(Work(0.4, "learning", None, {}))
    assert told == [0.0, 0.4]
