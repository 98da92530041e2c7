"""A handful of clicks: pixels go to what their features are nearest to."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_emseg.cli import main
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.core.stack import ImageStack
from napari_emseg.io import open_array, write_array
from napari_emseg.jobs import few_shot
from napari_emseg.jobs.few_shot import Click
from napari_emseg.nn import few_shot as nn_few_shot
from napari_emseg.nn.checkpoint import load_model
from napari_emseg.nn.prototypes import (
    classify,
    features_of,
    mean_features,
    nearest,
    noisy_prior,
    prototypes_at,
)


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


def test_features_have_the_extent_of_the_picture(taught):
    network, _ = load_model(taught)
    found = features_of(network, torch.randn(1, 3, 50, 63))
    assert found.shape == (1, 8 + 8, 50, 63)
    points = [(0, 0), (49, 62), (50, 0)]
    assert prototypes_at(found, points).shape == (1, 2, 16)
    assert not network.out._forward_pre_hooks
    with pytest.raises(EmsegError, match="no features to compare, Identity"):
        features_of(torch.nn.Identity(), torch.zeros(1, 1, 4, 4))


def stack_of(volume):
    return ImageStack(volume.image, (50, 4.6, 4.6), "you", "toy", "toy.tif")


CLICKS = [Click(0, 16, 24, True), Click(0, 40, 17, True), Click(0, 24, 24, False), Click(0, 40, 40, False)]


def test_four_clicks_find_the_lines_of_another_section(taught, make_lines):
    volume = make_lines()
    found = few_shot.run(few_shot.prepare(stack_of(volume), CLICKS, [2], taught), Silent())
    truth = volume.truth["membrane"][2] == 1
    said = found[0] > 0.5
    dice = 2 * (said & truth).sum() / (said.sum() + truth.sum())
    assert found.shape == (1, 64, 64)
    assert dice > 0.6  # everything as foreground gives 0.38


def test_clicks_have_to_be_of_both_kinds_and_inside(taught, make_lines):
    stack = stack_of(make_lines())
    with pytest.raises(EmsegError, match="no click outside the target"):
        few_shot.prepare(stack, CLICKS[:2], model=taught)
    with pytest.raises(EmsegError, match="outside of the stack, 9, 0, 0"):
        few_shot.prepare(stack, [*CLICKS, Click(9, 0, 0, True)], model=taught)


def test_the_command(taught, make_lines, tmp_path, capsys):
    write_array(tmp_path / "raw.h5", make_lines().image, spacing_nm=(50, 4.6, 4.6))
    rows = "\n".join(f"{c.z}, {c.y}, {c.x}, {int(c.inside)}" for c in CLICKS)
    (tmp_path / "clicks.csv").write_text("z, y, x, inside\n" + rows + "\n")
    words = ["fewshot", str(tmp_path / "raw.h5"), str(tmp_path / "out.h5"), "--model", str(taught)]
    assert main([*words, "--clicks", str(tmp_path / "clicks.csv")]) == 0
    found = np.asarray(open_array(tmp_path / "out.h5")[0][:])
    assert found.shape == (3, 64, 64)
    for bad in ("1, 2, 3", "1, 2, 3, 2", "1, 2, 3, -1", "1, 2, inf, 1"):
        (tmp_path / "bad.csv").write_text(f"0, 2, 3, 1\n{bad}\n")
        assert main([*words, "--clicks", str(tmp_path / "bad.csv")]) == 1
        assert "not a click" in (said := capsys.readouterr().err)
        assert "line 2" in said


def test_a_card_with_too_little_memory_leaves_it_to_the_processor(monkeypatch):
    """A device that computes nothing takes the place of the card."""
    seen = []

    def features_of(network, block):
        seen.append(block.device.type)
        if block.device.type != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return block

    monkeypatch.setattr(nn_few_shot, "features_of", features_of)
    monkeypatch.setattr(nn_few_shot, "to_device", lambda network, device: network)
    found = nn_few_shot._features(torch.nn.Conv2d(1, 1, 1, device="meta"), torch.ones(1, 1, 4, 4))
    assert seen == ["meta", "cpu"]
    assert found.device.type == "cpu"
