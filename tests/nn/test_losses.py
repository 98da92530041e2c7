"""Losses against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from napari_emseg.core.errors import EmsegError
from napari_emseg.nn.losses import load_loss
from napari_emseg.nn.losses.bce_dice import bce_dice


def test_bce_at_zero_logits_is_ln_two_whatever_the_truth():
    parts = bce_dice(torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8), torch.ones(1, 1, 8, 8))
    assert float(parts["bce"]) == pytest.approx(math.log(2))
    # p = 0.5 on 64 pixels of truth: 1 - (2 * 32 + 32) / (32 + 64 + 32)
    assert float(parts["dice"]) == pytest.approx(0.25)
    assert float(parts["per_target"]) == pytest.approx(math.log(2) + 0.125)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_empty_and_full_masks_are_finite_and_cheap_when_right(value):
    truth = torch.full((1, 1, 16, 16), value)
    parts = bce_dice((truth * 2 - 1) * 30, truth, torch.ones_like(truth))
    assert float(parts["per_target"]) == pytest.approx(0, abs=1e-5)


def test_ignored_pixels_change_nothing():
    torch.manual_seed(0)
    logits, truth = torch.randn(2, 1, 8, 8), (torch.rand(2, 1, 8, 8) > 0.5).float()
    weight = torch.ones_like(truth)
    weight[..., :4] = 0
    wrong = truth.clone()
    wrong[..., :4] = 1 - wrong[..., :4]
    one, two = (float(bce_dice(logits, t, weight)["per_target"]) for t in (truth, wrong))
    assert one == two


def test_a_target_that_nobody_supervises_costs_nothing():
    weight = torch.ones(1, 2, 8, 8)
    weight[:, 1] = 0
    logits = torch.randn(1, 2, 8, 8, requires_grad=True)
    per_target = bce_dice(logits, torch.zeros(1, 2, 8, 8), weight)["per_target"]
    assert float(per_target[1].detach()) == 0
    per_target.sum().backward()
    assert logits.grad is not None
    assert (logits.grad[:, 1] == 0).all()


def test_an_unknown_loss_is_refused_with_the_known_ones():
    with pytest.raises(EmsegError, match="bce_dice"):
        load_loss("dise")
