"""Steps of the optimisers of a recipe, by hand."""

from __future__ import annotations

import pytest
import torch

from napari_emseg.nn.optimiser import optimiser_of
from napari_emseg.nn.recipe import TrainRecipe


def after(slopes: list[float], **settings: object) -> tuple[float, float]:
    """A kernel of one weight and its bias, both 1, after steps of these slopes."""
    network = torch.nn.Linear(1, 1)
    with torch.no_grad():
        network.weight.fill_(1)
        network.bias.fill_(1)
    optimiser = optimiser_of(network, TrainRecipe(learning_rate=0.1, **settings))
    for slope in slopes:
        network.weight.grad, network.bias.grad = torch.full((1, 1), slope), torch.full((1,), slope)
        optimiser.step()
    return network.weight.item(), network.bias.item()


def test_amsgrad_remembers_the_largest_slope() -> None:
    """Its second step is divided by the first, large slope; that of Adam by what is left of it."""
    slopes = [10.0] + [0.0] * 500 + [1.0]
    b1, b2 = 0.9, 0.999
    v = m = most = 0.0
    wanted = 1.0
    for n, slope in enumerate(slopes, 1):
        m, v = b1 * m + (1 - b1) * slope, b2 * v + (1 - b2) * slope**2
        most = max(most, v)
        wanted -= 0.1 / (1 - b1**n) * m / ((most / (1 - b2**n)) ** 0.5 + 1e-8)
    found = after(slopes, optimiser="amsgrad", weight_decay=0)
    assert found == pytest.approx((wanted, wanted), rel=1e-4)
    assert after(slopes, optimiser="adamw", weight_decay=0)[0] != pytest.approx(wanted, rel=1e-4)


def test_weights_of_kernels_decay_and_biases_do_not() -> None:
    for optimiser in ("adamw", "amsgrad", "sgd"):
        kernel, bias = after([0.0] * 3, optimiser=optimiser, weight_decay=0.5)
        assert kernel < 1
        assert bias == 1
