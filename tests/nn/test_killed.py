"""A learning that is killed loses seconds: its state is written now and then, and costs next to nothing."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import STOPPED, FinetuneRequest, TrainingVolume
from napari_emseg.core.model_card import CARD, WEIGHTS
from napari_emseg.core.progress import Silent
from napari_emseg.nn import diary
from napari_emseg.nn.checkpoint import load_model, save_model
from napari_emseg.nn.finetune import finetune
from napari_emseg.nn.lesson import Taught
from napari_emseg.settings import FinetuneSettings

QUICK = FinetuneSettings(max_seconds=3600, max_steps=25)
CHILD = """
import os, pickle, signal, sys
import napari_emseg.nn.diary as diary
import napari_emseg.nn.finetune as nn
import napari_emseg.nn.lesson as lesson
from pathlib import Path

diary._EVERY_S = diary._SOON_S = 0.0
diary._SHARE = 1e9
lesson._ENOUGH_S = lesson._ENOUGH_STEPS = 0
request, step = pickle.loads(Path(sys.argv[1]).read_bytes())

class Killer:
    seen = 0

    def report(self, fraction, message="", **values):
        self.seen += "loss" in values
        if self.seen == step:
            os.kill(os.getpid(), signal.SIGKILL)

nn.finetune(request, Killer())
"""


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """States are written after every step, and there is time enough for copies."""
    for name, value in (("_EVERY_S", 0.0), ("_SOON_S", 0.0), ("_SHARE", 1e9)):
        monkeypatch.setattr(diary, name, value)
    monkeypatch.setattr("napari_emseg.nn.lesson._ENOUGH_S", 0.0)
    monkeypatch.setattr("napari_emseg.nn.lesson._ENOUGH_STEPS", 0)


@pytest.fixture
def request_of(taught: Path, make_lines: Any, tmp_path: Path) -> Any:
    """A learning on two sections with bright membranes, into a folder of this name."""
    lines = make_lines(2, seed=3)
    volume = TrainingVolume("inverted", 255 - lines.image, 4.6, lines.truth, (0, 1))
    return lambda name, settings=QUICK: FinetuneRequest(
        taught, (volume,), tmp_path / name, settings, resumable=True
    )


class Breaks:
    """Raises this at a step."""

    def __init__(self, step: int, error: BaseException) -> None:
        self.left, self.error = step, error

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        self.left -= "loss" in values
        if not self.left:
            raise self.error


def weights_differ(one: Path, other: Path) -> float:
    old, new = (load_model(folder)[0].state_dict() for folder in (one, other))
    return max(float((old[k].float() - new[k].float()).abs().max()) for k in old)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_killed_and_resumed_it_ends_where_it_would_have_ended(request_of: Any, tmp_path: Path) -> None:
    whole = finetune(request_of("whole"), Silent())
    request = request_of("parts")
    (tmp_path / "request").write_bytes(pickle.dumps((request, 14)))
    died = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path / "request")], check=False)
    assert died.returncode == -signal.SIGKILL
    seen = Breaks(-1, KeyboardInterrupt())
    resumed = finetune(request, seen)
    assert -1 - seen.left == whole.steps - 13, "it was killed before the state of that step was written"
    np.testing.assert_allclose(resumed.losses, whole.losses, atol=1e-6)
    assert resumed.after == pytest.approx(whole.after, abs=1e-6)
    assert weights_differ(whole.model, resumed.model) <= 1e-6
    assert {path.name for path in (tmp_path / "parts").iterdir()} == {CARD, WEIGHTS}


@pytest.mark.parametrize("strategy", ["full", "low-rank"])
def test_every_state_that_is_written_leads_to_the_same_model(request_of: Any, strategy: str) -> None:
    request = request_of("new", QUICK.model_copy(update={"strategy": strategy}))
    path, states = request.out_dir / STOPPED, []
    whole = finetune(replace(request, on_kept=lambda: states.append(path.read_bytes())), Silent())
    kept = request.out_dir.rename(request.out_dir.with_name("whole"))
    for state in (states[2], states[len(states) // 2], states[-1]):
        request.out_dir.mkdir()
        path.write_bytes(state)
        resumed = finetune(request, Silent())
        np.testing.assert_allclose(resumed.losses, whole.losses, atol=1e-6)
        assert weights_differ(kept, request.out_dir) <= 1e-6
        shutil.rmtree(request.out_dir)


def test_one_that_ends_well_leaves_no_state(request_of: Any) -> None:
    request, kept = request_of("new"), []
    result = finetune(replace(request, on_kept=lambda: kept.append(True)), Silent())
    assert len(kept) >= result.steps >= 20
    assert not result.unkept
    assert {path.name for path in request.out_dir.iterdir()} == {CARD, WEIGHTS}


def test_one_that_fails_leaves_the_state_of_before(request_of: Any) -> None:
    request = request_of("new")
    with pytest.raises(EmsegError, match="no number"):
        finetune(request, Breaks(7, EmsegError("no number")))
    assert list(request.out_dir.iterdir()) == []
    with pytest.raises(KeyboardInterrupt):
        finetune(request, Breaks(3, KeyboardInterrupt()))
    before = (request.out_dir / STOPPED).read_bytes()
    with pytest.raises(EmsegError, match="no number"):
        finetune(request, Breaks(7, EmsegError("no number")))
    assert (request.out_dir / STOPPED).read_bytes() == before


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_refuses_the_state_does_not_end_it(
    request_of: Any, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuses(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("napari_emseg.nn.diary.save_state", refuses)
    messages: list[str] = []

    class Heard:
        def report(self, fraction: float, message: str = "", **values: float) -> None:
            messages.append(message)

    result = finetune(request_of("new"), Heard())
    words = "the disk is full" if number == errno.ENOSPC else "the folder cannot be written"
    assert result.unkept == words
    assert f"learning (what it has learned cannot be kept meanwhile: {words})" in messages
    assert {path.name for path in result.model.iterdir()} == {CARD, WEIGHTS}


def test_what_is_written_meanwhile_leaves_room_for_the_model(
    request_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_emseg.nn.diary._SPARE_BYTES", 2**62)
    assert finetune(request_of("new"), Silent()).unkept == "the disk is full"


def test_a_slow_disk_is_asked_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diary, "_SHARE", 0.01)
    written: list[float] = []

    def slow(*_: Any, **__: Any) -> None:
        time.sleep(0.02)
        written.append(time.monotonic())

    monkeypatch.setattr(diary, "save_state", slow)
    book = diary.Diary(tmp_path / STOPPED, {})

    def teach(_: Taught | None, keep: Any) -> Taught:
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            keep(Taught)
        return Taught()

    book.lesson("all", teach)
    assert len(written) == 1, "the next is due after two seconds"


def test_killed_when_the_model_was_there_already_it_is_finished(request_of: Any) -> None:
    request = request_of("new")
    states: list[bytes] = []
    finetune(
        replace(request, on_kept=lambda: states.append((request.out_dir / STOPPED).read_bytes())), Silent()
    )
    (request.out_dir / STOPPED).write_bytes(states[-1])
    further = finetune(replace(request, model=request.out_dir), Silent())
    assert further.steps >= 20, "the finished model is taught further, as without the file"
    assert not (request.out_dir / STOPPED).exists()


@pytest.mark.parametrize("changed", ["image", "weights"])
def test_another_image_or_model_is_not_gone_on_with(request_of: Any, tmp_path: Path, changed: str) -> None:
    request = request_of("new")
    with pytest.raises(KeyboardInterrupt):
        finetune(request, Breaks(3, KeyboardInterrupt()))
    if changed == "image":
        volume = request.volumes[0]
        other = replace(request, volumes=(replace(volume, image=volume.image // 2),))
    else:
        network, card = load_model(request.model)
        state = {k: v * 1.01 if v.is_floating_point() else v for k, v in network.state_dict().items()}
        save_model(tmp_path / "elsewhere" / request.model.name, state, card)
        other = replace(request, model=tmp_path / "elsewhere" / request.model.name)
    with pytest.raises(EmsegError, match=rf"learning something else \({changed}\)"):
        finetune(other, Silent())
