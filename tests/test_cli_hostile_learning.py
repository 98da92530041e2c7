"""What a careless person asks of train and predict: one sentence, the right status, nothing half-written."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
import yaml

from napari_emseg.cli import main
from napari_emseg.io import write_array

SPACING = (50.0, 4.6, 4.6)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with an image of 3 sections of 32 x 32 pixels, its membranes, and its cells."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAPARI_EMSEG_HOME", str(tmp_path / "home"))
    y, x = np.indices((32, 32))
    membrane = np.repeat((((y % 16) < 2) | ((x % 16) < 2))[None], 3, 0)
    write_array("image.h5", (160 - 80 * membrane).astype(np.uint8), spacing_nm=SPACING)
    write_array("membrane.h5", membrane.astype(np.uint8), spacing_nm=SPACING)
    write_array("cells.h5", (~membrane).astype(np.uint8), spacing_nm=SPACING)


def refused(capsys: pytest.CaptureFixture[str], *words: object, status: int = 1) -> str:
    """The last line of a failure; nothing new lies around after it."""
    before = set(Path.cwd().iterdir())
    assert main([str(word) for word in words]) == status
    error = capsys.readouterr().err
    if status == 1:
        assert error.count("\n") == 1
    assert "--debug to see where" not in error
    assert set(Path.cwd().iterdir()) == before
    return error.splitlines()[-1]


def write_recipe(volume: dict | None = None, **settings: object) -> Path:
    one = {"image": "image.h5", "train": "0-1", "validate": 2, "truth": {"membrane": {"path": "membrane.h5"}}}
    small = {"arguments": {"widths": [8, 16], "head": 4}, "steps": 2, "batch": 1, "size": 32, "walls": False}
    recipe = {"volumes": [one | (volume or {})]} | small | settings
    Path("recipe.yaml").write_text(yaml.safe_dump(recipe))
    return Path("recipe.yaml")


@pytest.mark.parametrize(
    ("volume", "settings", "says"),
    [
        ({}, {"arguments": {"widths": []}}, "widths []: give whole numbers above 0"),
        ({}, {"arguments": {"widths": [8], "head": "x"}}, "head x: give whole numbers above 0"),
        ({}, {"architecture": "unet", "arguments": {"norm": "layer"}}, "choose one of batch, group, none"),
        (
            {},
            {"losses": {"membrane": {"loss": "dice", "arguments": {"form": "cubic"}}}},
            "Dice has the forms linear and squared",
        ),
        ({}, {"targets": ["membrane", "cleft"]}, "nothing teaches cleft"),
        ({"voxel_size_nm": [50, 4600, 4600]}, {}, "pixels of 4600 nm are too far from the 4.6 nm"),
        ({"voxel_size_nm": [50, 0.01, 0.01]}, {}, "pixels of 0.01 nm are too far"),
    ],
)
def test_recipes_that_cannot_be_trained(capsys, volume, settings, says):
    recipe = write_recipe(volume, **settings)
    assert says in refused(capsys, "train", recipe, "out")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon"])
def test_no_time_is_a_wrong_call(capsys, seconds):
    said = refused(capsys, "train", write_recipe(), "out", "--max-seconds", seconds, status=2)
    assert "is no time; give a number of seconds above 0" in said


def test_a_training_says_whether_it_is_over(capsys):
    recipe = write_recipe(steps=3)
    assert main(["train", str(recipe), "out", "--max-seconds", "1e-9"]) == 0
    assert "out: stopped when its time was up, --resume goes on" in capsys.readouterr().out
    assert main(["train", str(recipe), "out", "--resume"]) == 0
    assert "out: trained\n" in capsys.readouterr().out
    assert "holds a training already" in refused(capsys, "train", recipe, "out")


def test_a_disk_that_has_no_room_for_the_first_state_leaves_nothing(capsys, monkeypatch):
    """There is room for the model and not for the state, which is several times as large: begun anew it goes well."""
    recipe = write_recipe(steps=4, validate_every=2, save_every=100)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "last.ckpt")

    with monkeypatch.context() as patch:
        patch.setattr("napari_emseg.nn.run.save_state", full)
        assert "the disk is full, out, free" in refused(capsys, "train", recipe, "out")
    assert main(["train", str(recipe), "out"]) == 0


def test_a_disk_that_has_no_room_for_what_was_taught_leaves_nothing(capsys, monkeypatch, model):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "weights.safetensors")

    words = ("finetune", model, "image.h5", "cells.h5", "out", "--max-steps", 2, "--trust")
    with monkeypatch.context() as patch:
        patch.setattr("napari_emseg.nn.experts.save_model", full)
        patch.setattr("napari_emseg.nn.diary.save_state", full)
        assert "the disk is full, out, free" in refused(capsys, *words)
    assert main([str(word) for word in words]) == 0


def test_of_several_stacks_none_is_predicted_where_one_cannot_be(capsys, model):
    words = ("--model", model, "--tta", "none")
    assert "no such file" in refused(capsys, "predict", "image.h5@none.h5", "out", *words)


@pytest.mark.parametrize("size", ["460", "50,460,460", "0.01"])
def test_pixels_in_another_unit_are_refused_at_once(capsys, model, size):
    """A micrograph of 460 nm pixels would be made a hundred times larger."""
    said = refused(capsys, "predict", "image.h5", "out.h5", "--model", model, "--pixel-size", size)
    assert "are too far from the 4.6 nm that the model knows, toy, check the voxel size" in said


def test_a_target_is_named_once(capsys, model):
    words = ("--model", model, "--targets", "membrane,membrane")
    assert "a target is named twice" in refused(capsys, "predict", "image.h5", "out.h5", *words)


def test_torch_without_memory_is_told_like_any_other(capsys, model, monkeypatch):
    def full(*_a: object, **_k: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr("napari_emseg.nn.predict.Predictor._window", full)
    said = refused(capsys, "predict", "image.h5", "out.h5", "--model", model, "--tta", "none")
    assert (
        said == "error: there is not enough memory, predict, take a smaller region, or close other programs"
    )


def test_nobody_learns_from_a_mask_with_values_that_are_no_numbers(capsys):
    membrane = np.zeros((3, 32, 32), np.float32)
    membrane[:, ::8] = 1
    membrane[1, 3, 3] = np.nan
    write_array("holes.h5", membrane)
    recipe = write_recipe({"truth": {"membrane": {"path": "holes.h5"}}})
    said = refused(capsys, "train", recipe, "out")
    assert said.startswith("error: it holds values that are not numbers (NaN), ")
    assert "holes.h5" in said


def test_nobody_is_taught_the_contrary_by_a_mask_of_membranes(capsys, model):
    """A mask of cells is what is wanted; a model that took this one had 1300 edits per 100 objects."""
    said = refused(capsys, "finetune", model, "image.h5", "membrane.h5", "out")
    assert said == (
        "error: this mask seems to show membranes and not cells, membrane.h5, invert it, or give object ids of the cells"
    )


def test_nobody_learns_from_an_image_in_the_place_of_labels(capsys, model):
    grey = np.random.default_rng(0).integers(40, 220, (3, 32, 32)).astype(np.uint8)
    write_array("grey.h5", grey, spacing_nm=SPACING)
    said = refused(capsys, "finetune", model, "image.h5", "grey.h5", "out")
    assert said.startswith("error: this is an image and no labels: ")
