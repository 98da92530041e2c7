"""Weights of one model taken over by another."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from napari_emseg.core.errors import EmsegError
from napari_emseg.nn.checkpoint import WEIGHTS, build, load_model, save_model, take_over, tensors_of
from napari_emseg.nn.judge import Judge


def test_another_head_takes_over_everything_but_the_head(taught):
    old, card = load_model(taught)
    network = build(card.model_copy(update={"arguments": card.arguments | {"targets": 3}}))
    assert take_over(network, taught) == ("out.bias", "out.weight")
    assert torch.equal(
        network.get_parameter("encoder.0.first.weight"), old.get_parameter("encoder.0.first.weight")
    )


def test_a_network_that_shares_nothing_is_refused(taught):
    with pytest.raises(EmsegError, match="none of its weights fit"):
        take_over(torch.nn.Linear(2, 2), taught)


def changed(taught, folder, **entries):
    """A copy of a model whose card says something else."""
    network, card = load_model(taught)
    save_model(folder, network.state_dict(), card.model_copy(update=entries))
    return folder


def test_a_card_that_names_more_targets_than_there_are_is_refused(taught, tmp_path):
    folder = changed(taught, tmp_path / "odd", targets=("membrane", "cleft"))
    with pytest.raises(
        EmsegError, match=r"the card names 2 targets and its network has 1, .*odd.*get the model"
    ):
        load_model(folder)


def test_a_card_that_tells_of_a_judge_that_is_not_there_is_refused(taught, tmp_path):
    walls = {"features": ("length",), "others": ()}
    folder = changed(taught, tmp_path / "odd", walls=walls)
    with pytest.raises(EmsegError, match="the card tells of a judge of walls, and here is none"):
        load_model(folder)
    network, card = load_model(taught)
    part = {"walls.mean": torch.zeros(1), "walls.0": torch.zeros(1)}
    save_model(folder, network.state_dict() | part, card.model_copy(update={"walls": walls}))
    with pytest.raises(EmsegError, match=r"the judge of walls is not whole \(there is no 'scale'\)"):
        Judge.of_model(folder, load_model(folder)[1])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which files are mapped")
def test_weights_that_were_read_do_not_hold_their_file(taught):
    """Windows could not replace or remove it, and what learns further would fail."""
    held = tensors_of(taught)
    assert held
    assert str(taught / WEIGHTS) not in Path("/proc/self/maps").read_text()
