"""A wish to stop is heard while a network works, learns and is scored."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import torch
from torch import nn

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.learning import FinetuneRequest, TrainingVolume
from napari_emseg.core.progress import Silent
from napari_emseg.nn import watched
from napari_emseg.nn.finetune import finetune
from napari_emseg.nn.watched import listening
from napari_emseg.settings import FinetuneSettings

QUICK = FinetuneSettings(max_seconds=3600, max_steps=4, trust=True)


class Asked:
    """Calls of a look, and an end at one of them."""

    def __init__(self, last: int = -1) -> None:
        self.left, self.count = last, 0

    def __call__(self, *_: Any) -> None:
        self.count += 1
        if self.count == self.left:
            raise Cancelled


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_EVERY_S", 0.0)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("last", [2, 5])
def test_it_is_heard_on_the_way_there_and_back(last: int) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Conv2d(2, 1, 3))
    x = torch.rand(1, 1, 8, 8)
    plain = network(x).sum()
    plain.backward()
    expected = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    look = Asked()
    with watched.watched(network, look):
        loss = network(x).sum()
        assert look.count == 3
        loss.backward()
    assert look.count == 6
    assert all(torch.equal(p.grad, e) for p, e in zip(network.parameters(), expected, strict=True))
    with pytest.raises(Cancelled), watched.watched(network, Asked(last)):
        network(x).sum().backward()
    network(x).sum().backward()  # nobody looks any longer


@pytest.mark.usefixtures("at_once")
def test_work_that_says_nothing_is_left_when_one_is_to_stop() -> None:
    ended = threading.Event()

    def work(look: Any) -> None:
        try:
            while True:
                time.sleep(0.001)
                look()
        finally:
            ended.set()

    with pytest.raises(Cancelled):
        listening(Asked(2), work)
    assert ended.wait(10), "it hears of that at its own next look"


def test_what_work_gives_and_raises_comes_back() -> None:
    assert listening(Asked(), lambda _: 7) == 7

    def fails(_: Any) -> None:
        raise EmsegError("there is nothing to score")

    with pytest.raises(EmsegError, match="nothing to score"):
        listening(Asked(), fails)


@pytest.mark.parametrize(
    "place", ["held_out.boundary_scores", "held_out.fill_specks", "held_out.probabilities"]
)
def test_a_wish_to_stop_is_heard_while_scores_are_made(
    taught: Any, make_lines: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Each of these takes seconds on large sections, and says nothing meanwhile."""
    began, may_end = threading.Event(), threading.Event()

    def slow(*_: Any, **__: Any) -> None:
        began.set()
        may_end.wait(60)
        raise AssertionError

    class Stops:
        def report(self, fraction: float, message: str = "", **values: float) -> None:
            if began.is_set():
                raise Cancelled

    lines = make_lines(2, seed=3)
    volume = TrainingVolume("inverted", 255 - lines.image, 4.6, lines.truth, (0, 1))
    monkeypatch.setattr(f"napari_emseg.nn.{place}", slow)
    began_at = time.monotonic()
    try:
        with pytest.raises(Cancelled):
            finetune(FinetuneRequest(taught, (volume,), tmp_path / "new", QUICK), Stops())
        assert time.monotonic() - began_at < 30
    finally:
        may_end.set()


def test_listening_changes_nothing_of_what_is_learned(
    taught: Any, make_lines: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "_EVERY_S", 0.005)
    lines = make_lines(2, seed=3)
    volume = TrainingVolume("inverted", 255 - lines.image, 4.6, lines.truth, (0, 1))
    often = finetune(FinetuneRequest(taught, (volume,), tmp_path / "often", QUICK), Silent())
    monkeypatch.setattr(watched, "_EVERY_S", 1e9)
    never = finetune(FinetuneRequest(taught, (volume,), tmp_path / "never", QUICK), Silent())
    assert often.losses == never.losses
    assert often.after == never.after
