"""Where a training starts from, what its card says of that, and what Ctrl-C leaves of it."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import read_card
from napari_emseg.core.progress import Silent
from napari_emseg.io import write_array
from napari_emseg.jobs.train import TrainRequest, starting_model
from napari_emseg.jobs.train import run as run_job
from napari_emseg.nn.checkpoint import build, load_model, save_model, take_over
from napari_emseg.nn.curves import METRICS
from napari_emseg.nn.run import STATE, Run


def test_outputs_are_taken_over_by_the_name_of_their_target(taught, recipe):
    old, card = load_model(taught)
    network = build(card.model_copy(update={"arguments": card.arguments | {"targets": 3}}))
    partly = take_over(network, taught, targets=("cleft", "membrane", "segment"))
    assert partly == ("out.bias", "out.weight")
    assert torch.equal(network.out.weight[1], old.out.weight[0])
    assert not torch.equal(network.out.weight[0], old.out.weight[0])


RECIPE = """
name: next
targets: [membrane]
arguments: {{widths: [8, 16], head: 4}}
start_from: {start}
steps: {steps}
batch: 2
size: 32
validate_every: 4
volumes:
  - name: lines
    image: raw.h5
    train: 0-1
    validate: "2"
    truth: {{membrane: {{path: truth.h5}}}}
"""


def write_recipe(folder, volume, start, steps=2):
    write_array(folder / "raw.h5", volume.image, spacing_nm=(50, 4.6, 4.6))
    write_array(folder / "truth.h5", volume.truth["membrane"])
    path = folder / "recipe.yaml"
    path.write_text(RECIPE.format(start=start, steps=steps))
    return path


def test_the_card_names_the_starting_model_as_the_recipe_does(volume, taught, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "first").symlink_to(taught)
    path = write_recipe(tmp_path, volume, "models/first")
    run_job(TrainRequest(path, tmp_path / "out", device="cpu"), Silent())
    assert read_card(tmp_path / "out").training["recipe"]["start_from"] == "models/first"
    assert str(tmp_path) not in (tmp_path / "out" / "card.json").read_text()


def test_the_card_says_whether_synthetic_sections_alone_taught(volume, taught, recipe, tmp_path):
    drawn = replace(volume, synthetic=True)
    cpu = torch.device("cpu")
    alone = Run([drawn], recipe, tmp_path / "alone", cpu)
    assert alone.card.synthetic
    assert not Run([drawn, volume], recipe, tmp_path / "both", cpu).card.synthetic
    further = recipe.model_copy(update={"start_from": str(taught)})
    assert not Run(
        [drawn], further, tmp_path / "further", cpu
    ).card.synthetic  # the first was taught by others
    network, card = load_model(taught)
    save_model(tmp_path / "drawn", network.state_dict(), card.model_copy(update={"synthetic": True}))
    further = recipe.model_copy(update={"start_from": str(tmp_path / "drawn")})
    begun = Run([drawn], further, tmp_path / "begun", cpu)
    assert begun.card.synthetic
    begun.save()
    shutil.rmtree(tmp_path / "drawn")
    resumed = Run([drawn], further, tmp_path / "begun", cpu)
    resumed.load()
    assert resumed.card.synthetic


def test_the_card_keeps_the_pixel_sizes_of_all_that_taught(volume, taught, recipe, tmp_path):
    cpu = torch.device("cpu")
    network, card = load_model(taught)
    known = card.model_copy(update={"taught_pixel_sizes_nm": (16.0,)})
    save_model(tmp_path / "known", network.state_dict(), known)
    further = recipe.model_copy(update={"start_from": str(tmp_path / "known")})
    untaught = replace(volume, name="untaught", pixel_size_nm=9.0, train=())  # is only scored
    sizes = (volume.pixel_size_nm, 16.0)
    begun = Run([volume, untaught], further, tmp_path / "begun", cpu)
    assert begun.card.taught_pixel_sizes_nm == sizes
    begun.save()
    shutil.rmtree(tmp_path / "known")
    resumed = Run([volume, untaught], further, tmp_path / "begun", cpu)
    resumed.load()
    assert resumed.card.taught_pixel_sizes_nm == sizes


def test_a_recipe_may_start_from_a_model_by_name(tmp_path):
    assert starting_model("membrane", tmp_path).name == "membrane"
    with pytest.raises(EmsegError, match="no such model"):
        starting_model("nothing-like-it", tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_saves_a_state_within_a_second_that_resumes(volume, taught, tmp_path):
    path = write_recipe(tmp_path, volume, "''", steps=100000)
    command = [
        sys.executable,
        "-m",
        "napari_emseg.cli",
        "train",
        str(path),
        str(tmp_path / "out"),
        "--device",
        "cpu",
    ]
    process = subprocess.Popen(
        command,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # A background test runner may have had Ctrl-C switched off for its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        deadline = time.monotonic() + 60
        curve = tmp_path / "out" / METRICS
        while not (curve.exists() and curve.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        pressed = time.monotonic()
        process.wait(20)
        seconds = time.monotonic() - pressed
    finally:
        process.kill()
        process.wait()
    assert seconds < 10  # a second on a quiet machine
    state = torch.load(tmp_path / "out" / STATE, weights_only=True)
    assert 0 < state["step"] < 100000
    assert all(math.isfinite(float(v.float().sum())) for v in state["network"].values())
