"""What is known about every pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from napari_emseg.core.errors import EmsegError
from napari_emseg.nn.checkpoint import load_model, make_network
from napari_emseg.nn.features import LOOKS, features_of, look_of


@pytest.fixture
def found(taught):
    torch.manual_seed(0)
    return features_of(load_model(taught)[0], torch.randn(1, 3, 50, 63))


def enlarged(found):
    whole = [
        functional.interpolate(level[None], found.extent, mode="bilinear")[0, :, :50, :63]
        for level in found.levels
    ]
    return torch.cat(whole)


def test_every_level_of_the_network_is_seen_once_and_the_look_comes_last(found):
    assert [tuple(level.shape) for level in found.levels] == [
        (8, 26, 32), (16, 13, 16), (8, 26, 32), (8, 52, 64), (LOOKS, 13, 16),
    ]  # fmt: skip
    assert found.shape == (50, 63)
    assert found.extent == (52, 64)


def test_values_at_pixels_are_those_of_the_enlarged_levels(found):
    whole = enlarged(found)
    points = torch.tensor([[0.0, 0.0], [49.0, 62.0], [20.0, 31.0]], dtype=torch.float64)
    expected = torch.stack([whole[:, 0, 0], whole[:, 49, 62], whole[:, 20, 31]])
    torch.testing.assert_close(found.at(points), expected, atol=1e-4, rtol=1e-4)
    between = found.at(torch.tensor([[20.5, 31.0]], dtype=torch.float64))[0]
    fine = slice(-LOOKS - 8, -LOOKS)  # of full resolution
    torch.testing.assert_close(
        between[fine], whole[fine, 20:22, 31].mean(1), atol=1e-4, rtol=1e-4
    )  # fmt: skip


def test_the_weighted_sum_is_that_of_all_values(found):
    whole = enlarged(found)
    weights = torch.linspace(-1, 2, len(whole))
    torch.testing.assert_close(
        found.weighted(weights), (weights[:, None, None] * whole).sum(0), atol=1e-4, rtol=1e-4
    )


def test_levels_of_convolutions_without_padding_that_show_more_are_left_out():
    found = features_of(
        make_network("unet_valid", {"widths": [4, 8], "sections": 3}), torch.randn(1, 3, 40, 50)
    )
    assert len(found.levels) == 2
    assert found.levels[0].shape[1] >= 40
    assert found.at(torch.zeros(1, 2)).shape == (1, 4 + LOOKS)


def test_networks_without_layers_for_single_sections_are_refused(taught):
    network = load_model(taught)[0]
    features_of(network, torch.zeros(1, 3, 16, 16))
    assert not network.out._forward_pre_hooks
    assert not network.encoder[0]._forward_hooks
    with pytest.raises(EmsegError, match="no features to compare, Identity"):
        features_of(torch.nn.Identity(), torch.zeros(1, 1, 4, 4))
    with pytest.raises(EmsegError, match="no features to compare, VNet"):
        features_of(make_network("vnet_3d", {}), torch.zeros(1, 1, 16, 16))


def test_the_look_of_a_place_is_its_grey_value_edges_blobs_and_how_much_it_varies():
    flat = look_of(np.full((32, 40), 3, np.float32), (32, 40)).reshape(4, 4, 8, 10)
    np.testing.assert_allclose(flat[:, 0], 3, atol=1e-5)
    np.testing.assert_allclose(flat[:, 1:], 0, atol=2e-3)
    step = np.zeros((64, 64), np.float32)
    step[:, 32:] = 1
    edge = look_of(step, (64, 64)).reshape(4, 4, 16, 16)[0]
    assert edge[1, 8].argmax() in (7, 8)
    assert edge[2, 8, 7] > 0 > edge[2, 8, 8]  # the dark side of an edge, and the bright one
    assert edge[3, 8, 8] > 0.3 > edge[3, 8, 2] + 0.2
    assert edge[0, 8, 2] < 0.01 < 0.99 < edge[0, 8, 13]


def test_a_section_is_continued_at_its_ends():
    section = np.arange(30, dtype=np.float32).repeat(30).reshape(30, 30)
    found = look_of(section, (32, 32))
    assert found.shape == (LOOKS, 8, 8)
    assert found[0].max() <= 29
    np.testing.assert_array_equal(found[0, :3], look_of(section[:, :28], (32, 28))[0, :3, [0] * 8].T)
