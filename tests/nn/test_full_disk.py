"""A model or the state of a learning that the disk refuses: the old one stays, and the reason is an OSError."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import STOPPED
from napari_emseg.core.leftovers import beside
from napari_emseg.core.model_card import CARD, WEIGHTS
from napari_emseg.io.atomic import explained as of_output
from napari_emseg.jobs.explained import explained
from napari_emseg.nn import checkpoint
from napari_emseg.nn.checkpoint import load_model, save_model, save_state


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "weights")


def test_the_old_model_stays(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, card = load_model(taught)
    save_model(tmp_path, network.state_dict(), card)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            save_model(tmp_path, network.state_dict(), card)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_old_state_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = {"weights": torch.arange(3.0), "round": 4}
    save_state(state, tmp_path / "stopped.ckpt")
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "write_atomic", full)
        with pytest.raises(OSError, match="No space left"):
            save_state({}, tmp_path / "stopped.ckpt")
    found = torch.load(tmp_path / "stopped.ckpt", weights_only=True)
    assert found["round"] == 4
    assert torch.equal(found["weights"], state["weights"])


def test_it_is_said_in_one_sentence() -> None:
    error = explained(OSError(errno.ENOSPC, "No space left on device", "w"), SimpleNamespace(function="m:f"))  # type: ignore[arg-type]
    assert isinstance(error, EmsegError)
    assert str(error) == (
        "a file cannot be read or written (no space left on device), w, free some space, or check the disk"
    )
    numpys = OSError("Not enough free space to write 20971520 bytes after offset 128")
    assert of_output(numpys, Path("/data/out.h5")).what == "the disk is full"


def test_what_a_killed_program_has_left_of_states_and_models_goes(taught: Path, tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()

    def left(name: str) -> Path:
        made = beside(tmp_path / name, "part")
        return made.with_name(made.name.replace(f"-{os.getpid()}-", f"-{process.pid}-"))

    left(STOPPED).touch()
    left(WEIGHTS).mkdir()
    (left(WEIGHTS).parent / "mine").touch()
    network, card = load_model(taught)
    save_model(tmp_path, network.state_dict(), card)
    save_state({"round": 4}, tmp_path / STOPPED)
    assert {path.name for path in tmp_path.iterdir()} == {STOPPED, WEIGHTS, CARD, "mine"}
