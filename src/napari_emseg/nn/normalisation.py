"""Adapt a network's normalisation statistics to a new stack (AdaBN, Li et al. 2016), where that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    Batch = tuple[NDArray[Any], NDArray[Any]]

_PART = 0.5  # of the way to the new stack's statistics


@torch.no_grad()
def adapt_if_better(
    network: nn.Module,
    batches: Sequence[Batch],
    loss: Callable[[nn.Module, Batch], Tensor],
    device: torch.device,
) -> bool:
    """Adapt the statistics, and take that back if it raises the loss; whether it was kept.

    Parameters
    ----------
    batches : sequence of (image, truth)
        Samples of the new stack.
    """

    def mean_loss() -> float:
        network.eval()
        return float(np.mean([float(loss(network, batch)) for batch in batches]))

    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    if not norms:
        return False
    old = {k: v.clone() for k, v in network.state_dict().items()}
    before = mean_loss()
    _adapt(network, norms, [image for image, _ in batches], device)
    if mean_loss() < before:
        return True
    network.load_state_dict(old)
    return False


@torch.no_grad()
def _adapt(
    network: nn.Module,
    norms: Sequence[nn.BatchNorm2d],
    images: Sequence[NDArray[np.float32]],
    device: torch.device,
) -> None:
    old = [(m.momentum, m.running_mean.clone(), m.running_var.clone()) for m in norms]  # type: ignore[union-attr]
    network.train()
    for m in norms:
        m.reset_running_stats()
        m.momentum = None  # cumulative mean
    for image in images:
        network(torch.from_numpy(image).to(device, memory_format=torch.channels_last))
    for m, (momentum, mean, var) in zip(norms, old, strict=True):
        m.momentum = momentum
        m.running_mean.lerp_(mean, 1 - _PART)  # type: ignore[union-attr]
        m.running_var.lerp_(var, 1 - _PART)  # type: ignore[union-attr]
