"""Weight maps."""

from __future__ import annotations

import numpy as np
import torch

from napari_emseg.core.learning import IGNORE
from napari_emseg.nn.emphasis import WEIGHT_UNIT, Emphasis, split_weights


def test_the_centreline_of_a_membrane_weighs_most():
    truth = np.zeros((2, 1, 32, 32), np.uint8)
    truth[0, 0, 12:21] = 1  # 9 pixels thick: the middle is row 16
    weight = Emphasis(inside=1, centreline=3).of(truth, (0,)) / WEIGHT_UNIT
    assert weight[0, 0, 16, 16] == 5
    assert weight[0, 0, 12, 16] == 2
    assert weight[0, 0, 2, 16] == 1
    assert (weight[1] == 1).all()


def test_sections_that_do_not_teach_are_not_computed():
    truth = np.ones((1, 2, 16, 16), np.uint8)
    weight = Emphasis(inside=1).of(truth, (1,)) / WEIGHT_UNIT
    assert (weight[0, 0] == 1).all()
    assert (weight[0, 1] == 2).all()


def test_unknown_pixels_weigh_nothing_whatever_their_emphasis():
    drawn = torch.tensor([1, IGNORE, 32, 32], dtype=torch.uint8).reshape(1, 2, 1, 2)
    truth, weight = split_weights(drawn, 1)
    assert truth.tolist() == [[[[1.0, 0.0]]]]
    assert weight.tolist() == [[[[2.0, 0.0]]]]


def test_the_gap_that_merges_two_cells_gains_weight():
    truth = torch.zeros(1, 2, 16, 32)
    truth[0, 0, :, 16] = 1
    logits = torch.where(truth > 0, 4.0, -4.0)
    logits[0, 0, 7, 16] = -4.0  # two cells leak into each other here
    logits[0, 0, :, 6] = 4.0  # and one of them is cut in two
    weight = torch.ones_like(truth)
    raised = Emphasis(leak=8, tear=4).by_errors(logits, truth, weight) - weight
    assert raised[0, 0, 7, 16] == 8
    assert (raised[0, 0, :, 6] == 4).all()
    assert raised.sum() == 8 + 16 * 4
    assert (weight == 1).all(), "the weights that were given are not changed"


def test_where_nothing_is_known_nothing_gains_weight():
    truth = torch.zeros(1, 1, 16, 32)
    truth[..., 16] = 1
    weight = torch.ones_like(truth)
    weight[..., 16] = 0
    raised = Emphasis(leak=8, tear=4).by_errors(torch.full_like(truth, -4.0), truth, weight)
    assert torch.equal(raised, weight)


def test_the_middle_of_a_sample_weighs_most_where_asked():
    weight = torch.ones(1, 2, 3, 4, 4)
    weight[..., 3, 3] = 0  # unknown
    assert Emphasis().by_place(weight) is weight
    found = Emphasis(centre=0.9).by_place(weight)
    bell = np.exp(-0.5 * np.array([-0.75, -0.25, 0.25, 0.75]) ** 2 / 0.81)
    deep = np.exp(-0.5 * np.array([-2 / 3, 0, 2 / 3]) ** 2 / 0.81)
    wanted = deep[:, None, None] * bell[:, None] * bell + 1e-4
    wanted[:, 3, 3] = 0
    np.testing.assert_allclose(found[0, 1], wanted, rtol=1e-5)
    flat = Emphasis(centre=0.9).by_place(torch.ones(2, 1, 4, 4))
    np.testing.assert_allclose(flat[1, 0], bell[:, None] * bell + 1e-4, rtol=1e-5)
