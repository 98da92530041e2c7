"""The optimiser that a recipe names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_emseg.nn.muon import Muon

if TYPE_CHECKING:
    from torch import nn

    from napari_emseg.nn.recipe import TrainRecipe


def optimiser_of(network: nn.Module, recipe: TrainRecipe) -> torch.optim.Optimizer:
    """Weight decay for convolution kernels only, not for biases and normalisation.

    ``amsgrad`` is Adam with the largest second moment so far (Reddi et al. 2018), whose decay is part of the gradient; that of
    ``adamw`` and ``muon`` is decoupled.
    """
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True)
    if recipe.optimiser == "amsgrad":
        return torch.optim.Adam(groups, lr=recipe.learning_rate, amsgrad=True)
    kind = Muon if recipe.optimiser == "muon" else torch.optim.AdamW
    return kind(groups, lr=recipe.learning_rate)
