"""Training learns, stops, and goes on as if it had not stopped."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.model_card import read_card
from napari_emseg.core.progress import Silent
from napari_emseg.nn.checkpoint import load_model
from napari_emseg.nn.emphasis import Emphasis
from napari_emseg.nn.train import METRICS, train


class StopAt:
    """A person who presses stop at a step."""

    def __init__(self, step: int) -> None:
        self.left = step

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise Cancelled


def weights(folder):
    return load_model(folder)[0].state_dict()


def test_a_training_learns_the_lines(volume, recipe, tmp_path):
    recipe = recipe.model_copy(update={"steps": 60, "validate_every": 60, "emphasis": Emphasis(centreline=1)})
    train([volume], recipe, tmp_path, Silent())
    card = read_card(tmp_path)
    assert card.scores["lines"]["v_rand"] > 0.95
    assert card.targets == ("membrane",)
    assert card.training["volumes"]["lines"] == {"train": [0, 1], "validate": [2]}
    rows = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    losses = [row["loss"] for row in rows if "loss" in row]
    assert losses[-1] < losses[0] / 2
    assert list((tmp_path / "tensorboard").iterdir())


def test_a_resumed_training_repeats_the_uninterrupted_one(volume, recipe, tmp_path):
    train([volume], recipe, tmp_path / "whole", Silent())
    with pytest.raises(Cancelled):
        train([volume], recipe, tmp_path / "parts", StopAt(5))
    train([volume], recipe, tmp_path / "parts", Silent(), resume=True)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    for name in whole:
        torch.testing.assert_close(whole[name], parts[name], rtol=0, atol=1e-6)


def test_an_unfinished_training_is_not_overwritten(volume, recipe, tmp_path):
    with pytest.raises(Cancelled):
        train([volume], recipe, tmp_path, StopAt(4))
    with pytest.raises(EmsegError, match="unfinished training"):
        train([volume], recipe, tmp_path, Silent())


def test_another_recipe_cannot_resume(volume, recipe, tmp_path):
    with pytest.raises(Cancelled):
        train([volume], recipe, tmp_path, StopAt(4))
    with pytest.raises(EmsegError, match="the recipe has changed"):
        train([volume], recipe.model_copy(update={"batch": 3}), tmp_path, Silent(), resume=True)


def test_nothing_to_resume_is_said(volume, recipe, tmp_path):
    with pytest.raises(EmsegError, match="no training to resume"):
        train([volume], recipe, tmp_path, Silent(), resume=True)


def test_a_loss_that_is_no_number_ends_the_training_with_a_sentence(volume, recipe, tmp_path):
    broken = volume.image.astype(np.float32)
    broken[:2] = np.nan
    sick = type(volume)("sick", broken, 4.6, volume.truth, (0, 1), statistics=np.ones((3, 2)))
    with pytest.raises(EmsegError, match="no longer a number"):
        train([sick], recipe, tmp_path, Silent())


def test_the_source_is_not_changed(volume, recipe, tmp_path):
    image = volume.image.copy()
    train([volume], recipe.model_copy(update={"steps": 3}), tmp_path, Silent())
    np.testing.assert_array_equal(volume.image, image)
