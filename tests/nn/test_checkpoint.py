"""Weights of one model taken over by another."""

from __future__ import annotations

import pytest
import torch

from napari_emseg.core.errors import EmsegError
from napari_emseg.nn.checkpoint import build, load_model, take_over


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
