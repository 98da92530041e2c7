"""What every loss of the table keeps to, and what a recipe learns with unless it says otherwise."""

from __future__ import annotations

import math

import pytest
import torch

from napari_emseg.core.errors import EmsegError
from napari_emseg.nn import LOSSES
from napari_emseg.nn.losses import load_loss
from napari_emseg.nn.losses.bce_dice import bce_dice

PLAIN = sorted(set(LOSSES) - {"discriminative", "direction"})
SURE = 40.0  # logits: a probability of 1 to the last digit


def picture(targets: int = 1, dims: int = 2):
    generator = torch.Generator().manual_seed(0)
    shape = (2, targets, *((8, 8) if dims == 2 else (3, 8, 8)))
    logits = torch.randn(shape, generator=generator)
    truth = (torch.rand(shape, generator=generator) > 0.6).float()
    return logits, truth, torch.ones(shape)


def value(parts) -> float:
    return float(parts["per_target"].detach().sum())


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("dims", [2, 3])
def test_each_loss_gives_one_number_a_target_and_named_components(name, dims):
    logits, truth, weight = picture(targets=2, dims=dims)
    parts = load_loss(name)(logits, truth, weight)
    assert parts.pop("per_target").shape == (2,)
    assert parts
    assert all(not p.requires_grad for p in parts.values())


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("mask", [0.0, 1.0])
@pytest.mark.parametrize("sure", [-1e4, -SURE, 0.0, SURE, 1e4])
def test_empty_and_full_masks_are_finite_with_any_answer(name, mask, sure):
    logits = torch.full((1, 1, 8, 8), sure, requires_grad=True)
    parts = load_loss(name)(logits, torch.full_like(logits, mask).detach(), torch.ones(1, 1, 8, 8))
    parts["per_target"].sum().backward()
    assert torch.isfinite(parts["per_target"]).all()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_unknown_changes_nothing(name):
    logits, truth, weight = picture()
    weight[..., :4] = 0
    other, wrong = logits.clone(), truth.clone()
    wrong[..., :4] = 1 - wrong[..., :4]
    other[..., :4] = 5
    if name == "border_dice":  # the border beside unknown pixels is what it is there
        wrong[..., 3], other[..., 3] = truth[..., 3], logits[..., 3]
    assert value(load_loss(name)(logits, truth, weight)) == pytest.approx(
        value(load_loss(name)(other, wrong, weight)), rel=1e-6
    )


@pytest.mark.parametrize("name", PLAIN)
def test_nothing_known_costs_nothing(name):
    logits, truth, weight = picture()
    logits.requires_grad_()
    parts = load_loss(name)(logits, truth, weight * 0)
    parts["per_target"].sum().backward()
    assert value(parts) == 0
    assert (logits.grad == 0).all()


SMOOTH_LOSSES = sorted(set(PLAIN) - {"ohem_bce", "ohem_mse", "border_dice", "decided"})  # these have corners


@pytest.mark.parametrize("name", SMOOTH_LOSSES)
def test_slopes_are_right(name):
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(1, 2, 3, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    truth = (torch.rand(1, 2, 3, 3, generator=generator) > 0.5).double()
    weight = (torch.rand(1, 2, 3, 3, generator=generator) > 0.2).double()
    loss = load_loss(name)
    assert torch.autograd.gradcheck(lambda x: loss(x, truth, weight)["per_target"], logits, atol=1e-5)


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
