"""Losses against values worked out by hand, and against their definitions."""

from __future__ import annotations

import importlib.util
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_emseg.nn.losses.bce import bce, rarity_weight
from napari_emseg.nn.losses.dice import border_dice, dice, generalised_dice, hardness_dice
from napari_emseg.nn.losses.distance_weight import negatives_by_distance
from napari_emseg.nn.losses.embedding import direction, discriminative
from napari_emseg.nn.losses.focal import focal, focal_bce_dice, focal_dice
from napari_emseg.nn.losses.graded import decided, level, mse
from napari_emseg.nn.losses.ohem import hardest, ohem_bce, ohem_mse
from napari_emseg.nn.losses.tversky import sensitivity_specificity, tversky

OVERLAPS = {
    "dice": dice,
    "squared": lambda *a: dice(*a, form="squared"),
    "per sample": lambda *a: dice(*a, per_sample=True),
    "both classes": lambda *a: dice(*a, negatives=0.5),
    "generalised": generalised_dice,
    "hardness": hardness_dice,
    "tversky": tversky,
    "focal tversky": lambda *a: tversky(*a, gamma=0.75),
}
SURE = 40.0  # logits: a probability of 1 to the last digit


def picture():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1, 8, 8, generator=generator)
    truth = (torch.rand(logits.shape, generator=generator) > 0.6).float()
    return logits, truth, torch.ones(logits.shape)


def value(parts) -> float:
    return float(parts["per_target"].detach().sum())


@pytest.mark.parametrize("name", sorted(OVERLAPS))
def test_overlap_is_zero_when_perfect_and_one_when_disjoint(name):
    truth = torch.zeros(2, 1, 64, 64)
    truth[..., :32] = 1
    weight = torch.ones_like(truth)
    assert value(OVERLAPS[name]((truth * 2 - 1) * SURE, truth, weight)) == pytest.approx(0, abs=1e-4)
    assert value(OVERLAPS[name]((1 - truth * 2) * SURE, truth, weight)) == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("loss", [dice, generalised_dice, tversky, hardness_dice, border_dice])
def test_an_empty_truth_with_an_empty_answer_costs_nothing(loss):
    nothing = torch.zeros(1, 1, 8, 8)
    assert value(loss(nothing - SURE, nothing, nothing + 1)) == pytest.approx(0, abs=1e-5)


def test_weighted_bce_is_torch_with_weights():
    logits, truth, _ = picture()
    weight = torch.rand(logits.shape) * 3
    wanted = (
        torch.nn.functional.binary_cross_entropy_with_logits(logits, truth, weight, reduction="sum")
        / weight.sum()
    )
    assert value(bce(logits, truth, weight)) == pytest.approx(float(wanted), rel=1e-6)


def test_positives_weigh_by_their_rarity_up_to_a_cap():
    truth = torch.zeros(1, 1, 10, 10)
    truth[..., 0, :4] = 1  # f = 0.04
    ones = torch.ones_like(truth)
    found = rarity_weight(truth, ones, balance=1.0, rarest=1e-4, cap=50.0)
    assert float(found[0, 0, 0, 0]) == pytest.approx(24)
    assert float(found[0, 0, 5, 5]) == 1
    unknown = torch.cat([truth, torch.zeros(1, 1, 90, 10)], 2)  # pixels nobody knows make nothing rarer
    known = torch.cat([ones, torch.zeros(1, 1, 90, 10)], 2)
    assert float(
        rarity_weight(unknown, known, balance=1.0, rarest=1e-4, cap=50.0)[0, 0, 0, 0]
    ) == pytest.approx(24)
    capped = rarity_weight(truth, ones, balance=10.0, rarest=1e-4, cap=50.0)
    assert float(capped.max()) == 50
    rare = torch.zeros(1, 1, 1000, 1000)
    rare[..., 0, 0] = 1
    assert float(
        rarity_weight(rare, torch.ones_like(rare), balance=1.0, rarest=1e-2, cap=1e9).max()
    ) == pytest.approx(99)


def test_negatives_weigh_by_their_distance():
    truth = torch.zeros(1, 2, 1, 9)
    truth[0, 0, 0, 0] = 1
    found = negatives_by_distance(truth, torch.ones_like(truth), 2.0)
    row = found[0, 0, 0]
    assert float(row[0]) == 1
    assert row[1:].tolist() == pytest.approx([math.tanh(d / 2) for d in range(1, 9)], rel=1e-5)
    assert (row[1:].diff() > 0).all()
    assert (found[0, 1] == 1).all()


def test_dice_by_hand():
    """p = 1/2 on four pixels, truth on two: 2 * 1 + 1 over 2 + 2 + 1, and 2 * 1 + 1 over 1 + 2 + 1."""
    logits, truth = torch.zeros(1, 1, 2, 2), torch.tensor([[[[1.0, 1], [0, 0]]]])
    ones = torch.ones_like(truth)
    assert value(dice(logits, truth, ones)) == pytest.approx(1 - 3 / 5)
    assert value(dice(logits, truth, ones, form="squared")) == pytest.approx(1 - 3 / 4)
    assert value(hardness_dice(logits, truth, ones, share=0.0)) == pytest.approx(1 - 3 / 5)
    # w = 0.6 * 0.5 + 0.4 = 0.7 everywhere: (2 * 0.7 + 1) / (0.7 * 4 + 1)
    assert value(hardness_dice(logits, truth, ones, share=0.6)) == pytest.approx(1 - 2.4 / 3.8)
    with pytest.raises(ValueError, match="linear and squared"):
        dice(logits, truth, ones, form="cubed")  # type: ignore[arg-type]


def test_dice_of_the_batch_is_not_the_mean_dice():
    """One sample is all right, the other all wrong, and its object is three times larger."""
    truth = torch.zeros(2, 1, 4, 4)
    truth[0, ..., :1], truth[1, ..., :3] = 1, 1
    logits = torch.full_like(truth, -SURE)
    logits[0, ..., :1] = SURE
    ones = torch.ones_like(truth)
    assert value(dice(logits, truth, ones, smooth=0.0)) == pytest.approx(1 - 2 * 4 / (4 + 4 + 12))
    assert value(dice(logits, truth, ones, smooth=0.0, per_sample=True)) == pytest.approx(0.5)


def test_generalised_dice_by_hand():
    """Truth on 1 of 4 pixels, p = 1/2: weights 1 and 1/9, normalised 0.9 and 0.1."""
    logits, truth = torch.zeros(1, 1, 1, 4), torch.tensor([[[[1.0, 0, 0, 0]]]])
    top = 0.9 * 0.5 + 0.1 * 1.5
    bottom = 0.9 * (2 + 1) + 0.1 * (2 + 3)
    found = value(generalised_dice(logits, truth, torch.ones_like(truth), smooth=0.0))
    assert found == pytest.approx(1 - 2 * top / bottom)


def test_tversky_with_equal_costs_is_dice_and_misses_cost_more():
    logits, truth, ones = picture()
    assert value(tversky(logits, truth, ones, misses=0.5, alarms=0.5, smooth=0.5)) == pytest.approx(
        value(dice(logits, truth, ones, smooth=1.0)), rel=1e-5
    )
    empty, full = torch.full_like(truth, -SURE), torch.full_like(truth, SURE)
    half = torch.zeros_like(truth)
    half[..., :4] = 1
    assert value(tversky(empty, half, ones)) > value(tversky(full, half, ones))


def test_sensitivity_and_specificity_by_hand():
    """p = 1/2: squared errors of 1/4 on 2 positives and 6 negatives."""
    truth = torch.zeros(1, 1, 2, 4)
    truth[..., 0] = 1
    parts = sensitivity_specificity(torch.zeros_like(truth), truth, torch.ones_like(truth), smooth=0.0)
    assert float(parts["sensitivity"]) == pytest.approx(0.25)
    assert float(parts["specificity"]) == pytest.approx(0.25)
    assert value(parts) == pytest.approx(0.25)


def test_focal_without_focus_is_bce_and_with_it_forgives_what_is_clear():
    logits, truth, ones = picture()
    assert value(focal(logits, truth, ones, gamma=0.0)) == pytest.approx(
        value(bce(logits, truth, ones)), rel=1e-6
    )
    one = torch.ones(1, 1, 1, 1)
    at = torch.full_like(one, math.log(3))  # p = 3/4
    assert value(focal(at, one, one)) == pytest.approx(-(0.25**2) * math.log(0.75), rel=1e-5)


def test_sums_are_the_sums_of_their_parts():
    logits, truth, ones = picture()
    found = focal_dice(logits, truth, ones, dice_share=0.5)
    assert value(found) == pytest.approx(float(found["focal"] + 0.5 * found["dice"]), rel=1e-6)
    alone = focal(logits, truth, ones, gamma=1.5, positive_share=0.9)
    found = focal_dice(logits, truth, ones, gamma=1.5, positive_share=0.9)
    assert float(found["focal"]) == float(alone["focal"])
    line = focal_bce_dice(logits, truth, ones)
    assert value(line) == pytest.approx(
        float(line["dice"] + 10 * line["bce"] + 100 * line["focal"]), rel=1e-6
    )


def test_the_border_counts_and_nothing_else():
    """A square moved by two keeps twelve of its 28 border pixels."""
    truth = torch.zeros(1, 1, 12, 14)
    truth[..., 2:10, 2:10] = 1
    ones = torch.ones_like(truth)
    perfect = value(border_dice((truth * 2 - 1) * SURE, truth, ones))
    shifted = value(border_dice((truth.roll(2, 3) * 2 - 1) * SURE, truth, ones))
    assert perfect == pytest.approx(0, abs=1e-5)
    # borders of 28 pixels each; a shift by two leaves both upper and lower rows less two pixels: 12
    assert shifted == pytest.approx(1 - (2 * 12 + 1) / (56 + 1))


def test_ohem_keeps_the_largest_losses_of_the_true_class():
    """The easiest negatives have the smallest p: they must not be kept."""
    logits = torch.tensor([[[[-6.0, -6.0, -1.0, 2.0]]]])
    truth = torch.tensor([[[[0.0, 1.0, 0.0, 1.0]]]])
    found = ohem_bce(logits, truth, torch.ones_like(truth), keep=0.5, at_least=1)
    each = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none").flatten()
    assert value(found) == pytest.approx(float((each[1] + each[2]) / 2), rel=1e-6)


def test_ohem_of_squares_keeps_the_largest_and_nothing_unknown():
    """Squared errors of 0.25, 0.25 and about 1; the fourth is worse and unknown."""
    logits = torch.tensor([[[[0.0, 0.0, -SURE, SURE]]]])
    truth = torch.tensor([[[[0.0, 1.0, 1.0, 0.0]]]])
    known = torch.tensor([[[[1.0, 1.0, 1.0, 0.0]]]])
    assert value(ohem_mse(logits, truth, known, keep=0.3, at_least=1)) == pytest.approx(1, rel=1e-6)
    assert value(ohem_mse(logits, truth, known, keep=0.5, at_least=1)) == pytest.approx((1 + 0.25) / 2)
    assert value(ohem_mse(logits, truth, known, keep=0.3, at_least=1000)) == pytest.approx(1.5 / 3)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(1, 45))
def test_the_kept_set_is_the_k_largest_ties_included(values, k):
    losses = torch.tensor(values, dtype=torch.float32)
    kept = losses[hardest(losses, 0.0, k)]
    assert sorted(kept.tolist()) == sorted(losses.tolist())[-min(k, len(values)) :]


@pytest.mark.parametrize("surest", [(40.0, -40.0), (0.0, 0.0), (20.0, 5.0)])
def test_background_that_is_surely_called_a_class_is_still_learned(surest):
    """Single precision rounds its probability to 0, and a logarithm that is cut off there has no slope."""
    from napari_emseg.nn.losses.exclusive import categorical

    logits = torch.tensor(surest).view(1, 2, 1, 1).expand(1, 2, 2, 2).clone().requires_grad_()
    loss = categorical(logits, torch.zeros(1, 2, 2, 2), torch.ones(1, 2, 2, 2))["per_target"].sum()
    loss.backward()
    assert float(loss.detach()) > 13
    assert (logits.grad[0, 0] > 1e-3).all()


def test_the_hardest_share_is_not_one_more_by_rounding():
    """0.07 of 100 is 7.000000000000001 in binary."""
    losses = torch.arange(100.0)
    for share, wanted in ((0.07, 7), (0.14, 14), (0.29, 29), (0.071, 8), (1.0, 100), (0.0, 1)):
        assert len(hardest(losses, share, 1)) == wanted


@pytest.mark.parametrize("loss", [ohem_bce, ohem_mse])
def test_ohem_does_not_depend_on_the_size_of_the_picture(loss):
    logits, truth, ones = picture()
    once = value(loss(logits, truth, ones, keep=0.25, at_least=1))
    tiled = [t.repeat(1, 1, 4, 4) for t in (logits, truth, ones)]
    assert value(loss(*tiled, keep=0.25, at_least=1)) == pytest.approx(once, rel=1e-6)


def test_levels_by_hand():
    truth = torch.tensor([[[[0.5, 0.75]]]])
    logits, ones = torch.zeros_like(truth), torch.ones_like(truth)
    assert value(mse(logits, truth, ones)) == pytest.approx(0.0625 / 2)
    assert value(level(logits, truth, ones, beta=0.1)) == pytest.approx(4 * (0.25 - 0.05) / 2)


def test_rare_proximities_count_as_much_as_all_else():
    """One of ten pixels lies near: its error of 0.25 and theirs of 0 have the mean of both halves."""
    truth = torch.full((1, 1, 1, 10), 0.5)
    truth[..., 0] = 1.0
    found = value(mse(torch.zeros_like(truth), truth, torch.ones_like(truth), balance_above=0.01))
    assert found == pytest.approx(0.25 / 2)


def test_undecided_answers_cost_and_decided_ones_do_not():
    ones = torch.ones(1, 1, 4, 4)
    assert value(decided(ones * SURE, ones, ones)) == pytest.approx(0, abs=1e-5)
    assert value(decided(ones * 0, ones, ones)) == pytest.approx(98)


def test_categorical_is_cross_entropy():
    from napari_emseg.nn.losses.exclusive import categorical
    from napari_emseg.nn.models.heads import one_against_rest

    generator = torch.Generator().manual_seed(0)
    z = torch.randn(2, 3, 4, 4, generator=generator)
    classes = torch.randint(0, 4, (2, 4, 4), generator=generator)  # 0 is background
    truth = torch.stack([(classes == c + 1).float() for c in range(3)], 1)
    found = value(categorical(one_against_rest(z, [[0, 1, 2]]), truth, torch.ones_like(truth)))
    wanted = torch.nn.functional.cross_entropy(torch.cat([torch.zeros(2, 1, 4, 4), z], 1), classes)
    assert found == pytest.approx(float(wanted), rel=1e-4)


def two_clusters():
    """Four pixels in two instances, embeddings in one dimension: 0 and 2 around 1, 4 and 4."""
    embedding = torch.tensor([0.0, 2.0, 4.0, 4.0]).reshape(1, 1, 1, 4)
    instances = torch.tensor([1, 1, 7, 7]).reshape(1, 1, 1, 4)
    return embedding, instances, torch.ones(1, 1, 1, 4)


def test_the_discriminative_loss_by_hand():
    """Pull: (1 - 0.5)^2 for two of four, so (0.25 + 0) / 2. Push: (2 * 2 - 3)^2. Size: (1 + 4) / 2."""
    parts = discriminative(*two_clusters(), pull=0.5, push=2.0, size_share=0.001)
    assert float(parts["pull"]) == pytest.approx(0.125)
    assert float(parts["push"]) == pytest.approx(1.0)
    assert float(parts["size"]) == pytest.approx(2.5)
    assert value(parts) == pytest.approx(0.125 + 1.0 + 0.0025)


def test_the_discriminative_loss_takes_any_number_of_instances_and_none():
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(2, 3, 6, 6, generator=generator, requires_grad=True)
    instances = torch.zeros(2, 1, 6, 6)
    instances[0] = torch.arange(36).reshape(6, 6) // 4 + 1  # nine in one sample, none in the other
    parts = discriminative(embedding, instances, torch.ones_like(instances))
    parts["per_target"].sum().backward()
    assert torch.isfinite(embedding.grad).all()
    empty = discriminative(embedding, instances * 0, torch.ones_like(instances))
    assert value(empty) == 0
    one = torch.ones_like(instances)
    assert float(discriminative(embedding, one, one)["push"]) == 0
    hidden = discriminative(embedding, instances, one * 0)
    assert value(hidden) == 0


def test_directions():
    """Along, across and against, and a pixel without a direction."""
    truth = torch.tensor([[1.0, 1, 1, 0], [0, 0, 0, 0]]).reshape(1, 2, 1, 4)
    found = torch.tensor([[2.0, 0, -1, 5], [0, 3, 0, 5]]).reshape(1, 2, 1, 4)
    parts = direction(found, truth, torch.ones_like(truth))
    assert value(parts) == pytest.approx((0 + 1 + 2) / 3, abs=1e-5)
    assert value(direction(found * 0, truth, torch.ones_like(truth))) == pytest.approx(1, abs=1e-5)


@pytest.mark.skipif(
    importlib.util.find_spec("monai") is None, reason="MONAI is not installed: an optional extra"
)
def test_monai_agrees():
    from monai.losses import DiceLoss, FocalLoss, TverskyLoss

    logits, truth, ones = picture()
    args = {"sigmoid": True, "batch": True, "smooth_nr": 1.0, "smooth_dr": 1.0}
    assert value(dice(logits, truth, ones)) == pytest.approx(float(DiceLoss(**args)(logits, truth)), rel=1e-5)
    squared = DiceLoss(**args, squared_pred=True)(logits, truth)
    assert value(dice(logits, truth, ones, form="squared")) == pytest.approx(float(squared), rel=1e-5)
    theirs = TverskyLoss(**args, alpha=0.3, beta=0.7)(logits, truth)
    assert value(tversky(logits, truth, ones)) == pytest.approx(float(theirs), rel=1e-5)
    assert value(focal(logits, truth, ones)) == pytest.approx(
        float(FocalLoss(gamma=2.0)(logits, truth)), rel=1e-5
    )
