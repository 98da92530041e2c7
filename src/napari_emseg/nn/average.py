"""Means of weights: a running one (Polyak averaging), steadier than the last step's, and those of several models."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor, nn


class Average:
    """Running average of all weights and normalisation statistics of a network.

    Parameters
    ----------
    network : nn.Module
    decay : float
        Share of the past that is kept at each update; less in the first steps, so that the random start
        is forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self.state: dict[str, Tensor] = {k: v.detach().clone() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after step number `step` (from 1)."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            kept = self.state[name]
            if value.is_floating_point():
                kept.lerp_(value.detach(), 1 - decay)
            else:
                kept.copy_(value)

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over a saved average."""
        for name, value in state.items():
            self.state[name].copy_(value)

    @contextmanager
    def applied(self, network: nn.Module) -> Iterator[None]:
        """Lend the averaged weights to the network."""
        own = {k: v.detach().clone() for k, v in network.state_dict().items()}
        network.load_state_dict(self.state)
        try:
            yield
        finally:
            network.load_state_dict(own)


def mixed(start: Mapping[str, Tensor], end: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Weights that lie `share` of the way from `start` to `end`."""
    return {
        k: torch.lerp(start[k], v.to(start[k].device), share) if v.is_floating_point() else v
        for k, v in end.items()
    }


def soup(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Mean of weights."""
    first = states[0]
    return {
        k: torch.stack([s[k] for s in states]).mean(0) if v.is_floating_point() else v
        for k, v in first.items()
    }


def raised(state: Mapping[str, Tensor], shift: float, channel: int) -> dict[str, Tensor]:
    """Weights of a network whose log-odds of one target are higher by `shift`, where it ends in a layer ``out``."""
    if not shift or "out.bias" not in state:
        return dict(state)
    bias = state["out.bias"].clone()
    bias[channel] += shift
    return dict(state) | {"out.bias": bias}
