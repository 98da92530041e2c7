"""The losses of a recipe together: one for each target, weighted, at every size, and logged by name."""

from __future__ import annotations

import pytest
import torch

from napari_emseg.core.errors import EmsegError
from napari_emseg.nn.losses import load_loss
from napari_emseg.nn.losses.combine import TrainingLoss, reduce_truth
from napari_emseg.nn.recipe import LossTerm, TrainRecipe


def picture():
    """Two samples of two targets; all of it is known."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 2, 8, 8, generator=generator)
    truth = (torch.rand(logits.shape, generator=generator) > 0.6).float()
    return logits, truth, torch.ones(logits.shape)


def value(parts) -> float:
    return float(parts["per_target"].detach().sum())


def recipe(**more) -> TrainRecipe:
    return TrainRecipe(targets=("membrane", "cleft"), **more)


def test_each_target_has_its_loss_and_weight_and_each_component_is_logged():
    loss = TrainingLoss(
        recipe(
            losses={"cleft": [{"loss": "focal", "share": 2}, {"loss": "tversky"}]},
            target_weights={"cleft": 3},
        )
    )
    logits, truth, ones = picture()
    total, parts = loss(logits, truth, ones)
    membrane = load_loss("bce_dice")(logits[:, :1], truth[:, :1], ones[:, :1])
    cleft = [load_loss(n)(logits[:, 1:], truth[:, 1:], ones[:, 1:]) for n in ("focal", "tversky")]
    one, two = value(membrane), 2 * value(cleft[0]) + value(cleft[1])
    assert float(total) == pytest.approx((one + 3 * two) / 4, rel=1e-5)
    assert float(parts["loss/cleft"]) == pytest.approx(two, rel=1e-5)
    assert set(parts) == {
        "loss/membrane", "loss/cleft", "bce/membrane", "dice/membrane", "focal/cleft", "tversky/cleft",
    }  # fmt: skip


def test_targets_that_nothing_supervises_are_not_logged():
    logits, truth, weight = picture()
    weight[:, 1] = 0
    _, parts = TrainingLoss(recipe())(logits, truth, weight)
    assert {name.split("/")[1] for name in parts} == {"membrane"}


def test_auxiliary_outputs_are_added_at_their_own_size():
    logits, truth, ones = picture()
    small = torch.zeros(2, 2, 4, 4)
    loss = TrainingLoss(recipe(auxiliary=0.5, loss="mse"))
    alone, _ = loss(logits, truth, ones)
    total, parts = loss([logits, small], truth, ones)
    coarse = torch.nn.functional.avg_pool2d(truth, 2)
    wanted = float((coarse - 0.5).square().mean())
    assert float(parts["auxiliary/1"]) == pytest.approx(wanted, rel=1e-5)
    assert float(total) == pytest.approx(float(alone) + 0.5 * wanted, rel=1e-5)


def test_reduced_truth_is_the_mean_of_what_is_known():
    truth = torch.tensor([[[[1.0, 0.0], [1.0, 1.0]]]])
    weight = torch.tensor([[[[1.0, 1.0], [1.0, 0.0]]]])
    small, known = reduce_truth(truth, weight, (1, 1))
    assert float(small) == pytest.approx(2 / 3)
    assert float(known) == pytest.approx(0.75)


def test_every_group_of_exclusive_classes_has_its_own_background():
    """Two groups of one class each: what lies in neither is background of both."""
    two = TrainingLoss(recipe(exclusive=[["membrane"], ["cleft"]]))
    logits, _, ones = picture()
    nothing = torch.zeros_like(logits)
    wanted = torch.nn.functional.softplus(logits).mean()
    assert float(two(logits, nothing, ones)[0]) == pytest.approx(float(wanted), rel=1e-4)


def test_losses_of_vectors_are_for_scripts():
    with pytest.raises(EmsegError, match="which a recipe has no truth for, discriminative"):
        TrainingLoss(recipe(losses={"cleft": {"loss": "discriminative"}}))


def test_wrong_recipes_are_refused():
    with pytest.raises(EmsegError, match="unknown loss"):
        TrainingLoss(recipe(losses={"cleft": {"loss": "dise"}}))
    loss = TrainingLoss(recipe(losses={"cleft": {"loss": "dice", "arguments": {"slope": 1}}}))
    with pytest.raises(EmsegError, match="does not take these arguments, dice"):
        loss(*picture())
    with pytest.raises(ValueError, match="names vesicle, which is none of the targets"):
        recipe(losses={"vesicle": {"loss": "dice"}})
    assert recipe(exclusive=[["membrane", "cleft"]]).terms("cleft") == (LossTerm(loss="categorical"),)
