"""Pixels go to what their features are nearest to."""

from __future__ import annotations

import pytest
import torch

from napari_emseg.nn.prototypes import classify, mean_features, nearest, noisy_prior


def test_the_probability_is_the_softmax_of_minus_the_distances():
    features = torch.randn(2, 5, 4, 6)
    near, far = torch.randn(2, 1, 5), torch.randn(2, 1, 5)
    found = nearest(features, near, far)
    df, db = ((features - p[:, 0, :, None, None]).square().sum(1).sqrt() for p in (near, far))
    torch.testing.assert_close(found[:, 0], torch.stack((-df, -db), 1).softmax(1)[:, 0])


def test_of_several_prototypes_the_nearest_counts():
    features = torch.tensor([0.0, 1, 10]).reshape(1, 1, 1, 3)
    near, far = torch.tensor([[[0.0], [10.0]]]), torch.tensor([[[3.0]]])
    assert (nearest(features, near, far)[0, 0, 0] > 0.5).tolist() == [True, True, True]


def test_soft_marks_get_slopes_and_empty_ones_are_safe():
    features = torch.randn(3, 4, 5, 5)
    saliency = torch.rand(3, 1, 5, 5)
    saliency[1], saliency[2] = 0, 1
    saliency.requires_grad_()
    found = classify(features, saliency)
    found.sum().backward()
    assert (found[1:] == 0.5).all()
    assert torch.isfinite(saliency.grad).all()
    assert saliency.grad[0].abs().sum() > 0
    assert (nearest(features, torch.zeros(3, 0, 4), torch.zeros(3, 1, 4)) == 0.5).all()


def test_the_mean_is_over_all_of_space_and_each_sample_on_its_own():
    features = torch.arange(16.0).reshape(2, 1, 2, 2, 2)
    marks = torch.zeros(2, 1, 2, 2, 2)
    marks[0, 0, 1, 0, 1] = 1
    marks[0, 0, 0, 0, 0] = 1
    mean, there = mean_features(features, marks)
    assert mean.tolist() == [[2.5], [0.0]]
    assert there.tolist() == [True, False]


def test_five_percent_of_a_prior_are_wrong_and_always_the_same():
    truth = (torch.rand(200, 200) > 0.7).float()
    one, two = (noisy_prior(truth, 0.05, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(one, two)
    assert float((one != truth).float().mean()) == pytest.approx(0.05, abs=0.005)
    assert set(one.unique().tolist()) == {0.0, 1.0}
