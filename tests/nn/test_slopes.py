"""Slopes of kernels in another memory order are the same slopes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_emseg.nn.slopes import quick_slopes
from napari_emseg.nn.strategies import weights_to_learn


@pytest.fixture
def seen(monkeypatch):
    """Shapes of kernels whose slopes were computed the quick way."""
    from napari_emseg.nn import slopes

    found = []
    backward = slopes._Convolution.backward

    def noted(ctx, slope):
        found.append(tuple(ctx.saved_tensors[1].shape))
        return backward(ctx, slope)

    monkeypatch.setattr(slopes._Convolution, "backward", staticmethod(noted))
    return found


def learned(network, x):
    network.zero_grad()
    x = x.clone().requires_grad_()
    network(x).square().mean().backward()
    return [x.grad, *(p.grad for p in network.parameters())]


def network(*layers):
    torch.manual_seed(0)
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(16, 24, 3, padding=1),
        nn.Conv2d(16, 24, 3, padding=1, bias=False),
        nn.Conv2d(16, 16, (1, 3), stride=2, dilation=2),
        nn.Conv2d(32, 16, 5, padding=(1, 2), stride=(1, 2)),
    ],
    ids=str,
)
def test_slopes_are_those_of_torch(layer, seen):
    net = network(nn.Conv2d(3, 16 if layer.in_channels == 16 else 32, 3), nn.ReLU(), layer)
    x = torch.randn(2, 3, 23, 30).contiguous(memory_format=torch.channels_last)
    wanted = learned(net, x)
    with quick_slopes(net):
        found = learned(net, x)
    assert seen == [tuple(layer.weight.shape)]  # not that of the thin first one
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(16, 16, 1),
        nn.Conv2d(16, 16, 3, groups=4),
        nn.Conv2d(16, 16, 3, padding="same"),
        nn.Conv2d(16, 16, 3, padding=1, padding_mode="reflect"),
        nn.ConvTranspose2d(16, 16, 3),
    ],
    ids=str,
)
def test_other_layers_are_left_alone(layer, seen):
    net, x = network(layer), torch.randn(1, 16, 12, 12)
    with quick_slopes(net):
        learned(net, x)
    assert seen == []


def test_afterwards_and_unwanted_it_is_an_ordinary_network(seen):
    net, x = network(nn.Conv2d(16, 16, 3)), torch.randn(1, 16, 12, 12)
    with quick_slopes(net, wanted=False):
        learned(net, x)
    with pytest.raises(RuntimeError), quick_slopes(net):
        net(torch.randn(1, 3, 12, 12))
    learned(net, x)
    assert seen == []
    assert "forward" not in vars(net[0])


def test_only_what_learns_gets_slopes(seen):
    net, x = network(nn.Conv2d(16, 16, 3), nn.Conv2d(16, 16, 3)), torch.randn(1, 16, 12, 12)
    net[0].weight.requires_grad_(requires_grad=False)
    with quick_slopes(net):
        net(x).sum().backward()
    assert net[0].weight.grad is None
    assert net[0].bias.grad is not None
    assert net[1].weight.grad is not None


def test_small_corrections_of_kernels_learn_too(seen):
    net, x = network(nn.Conv2d(16, 16, 3), nn.ReLU()), torch.randn(1, 16, 12, 12)
    with weights_to_learn(net, "low-rank") as taught, quick_slopes(net):
        net(x).square().sum().backward()
        assert all(p.grad is not None for p in taught)
    assert seen == [(16, 16, 3, 3)]
