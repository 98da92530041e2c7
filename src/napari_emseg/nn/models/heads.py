"""Classes that exclude each other, in a world of independent targets.

A group of logits z with an implicit background of 0 is turned into one-against-the-rest log-odds,
``z_i - log(1 + sum of exp(z_j), j != i)``, whose logistic function is the softmax probability of class i. So
prediction, thresholds and test-time augmentation treat all targets alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn


def exclude_each_other(network: nn.Module, groups: Sequence[Sequence[int]]) -> None:
    """Make groups of output channels exclusive classes; the weights and their names stay as they are.

    Parameters
    ----------
    network : nn.Module
        Gives logits (batch, targets, ...), or several of these.
    groups : sequence of sequences of int
        Channels of each group.
    """
    chosen = [list(group) for group in groups]

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        if isinstance(output, torch.Tensor):
            return one_against_rest(output, chosen)
        return tuple(one_against_rest(o, chosen) for o in output)

    network.register_forward_hook(hook)


def one_against_rest(logits: Tensor, groups: Sequence[Sequence[int]]) -> Tensor:
    """Log-odds of every class of a group against all others and the background."""
    channels = list(torch.split(logits, 1, 1))
    for group in groups:
        background = torch.zeros_like(channels[group[0]])
        own = [channels[c] for c in group]
        for n, c in enumerate(group):
            rest = torch.cat([background, *own[:n], *own[n + 1 :]], 1)
            channels[c] = own[n] - rest.logsumexp(1, keepdim=True)
    return torch.cat(channels, 1)
