"""The shipped network."""

from __future__ import annotations

import pytest
import torch

from napari_emseg.nn.models.space_unet import SpaceUNet


@pytest.mark.parametrize("size", [(64, 64), (63, 50), (5, 7), (1, 1)])
def test_output_has_the_size_of_the_input(size):
    network = SpaceUNet(3, 2, (8, 16), 4).eval()
    assert network(torch.zeros(2, 3, *size)).shape == (2, 2, *size)


def test_parameters_of_the_shipped_size():
    network = SpaceUNet(3, 3, (32, 64, 128, 192), 8)
    assert sum(p.numel() for p in network.parameters()) == 1_541_347


def test_in_evaluation_a_pixel_does_not_depend_on_what_is_far_away():
    torch.manual_seed(0)
    network = SpaceUNet(1, 1, (8, 16), 4).eval()
    image = torch.randn(1, 1, 256, 32)
    other = image.clone()
    other[:, :, 200:] += 3
    with torch.inference_mode():
        assert torch.equal(network(image)[:, :, :100], network(other)[:, :, :100])
