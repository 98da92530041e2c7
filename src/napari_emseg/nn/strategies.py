"""Which weights fine-tuning changes: all of them, the last ones, or a small correction of each."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.utils import parametrize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

RANK = 4
_PARTS = {"head": ("expand", "fine", "out"), "last-blocks": ("expand", "fine", "out", "decoder", "lift")}
"""Parts of the fast network by name; networks without such parts learn with the last third of their weights."""


class LowRank(nn.Module):
    """A kernel plus the product of two thin matrices, the only ones that learn (LoRA, Hu et al. 2022).

    Parameters
    ----------
    kernel : Tensor (out, ...)
    rank : int
        Columns of the one and rows of the other matrix.
    """

    def __init__(self, kernel: Tensor, rank: int) -> None:
        super().__init__()
        out, others = kernel.shape[0], kernel[0].numel()
        generator = torch.Generator().manual_seed(0)
        start = torch.randn(rank, others, generator=generator) / math.sqrt(others)
        self.down = nn.Parameter(start.to(kernel.device))
        self.up = nn.Parameter(torch.zeros(out, rank, device=kernel.device))

    def forward(self, kernel: Tensor) -> Tensor:
        """The corrected kernel; equal to `kernel` before anything has been learned."""
        return kernel + (self.up @ self.down).view_as(kernel)


@contextmanager
def weights_to_learn(network: nn.Module, strategy: str) -> Iterator[list[nn.Parameter]]:
    """Prepare a network for a strategy; afterwards it is an ordinary network again.

    Parameters
    ----------
    network : nn.Module
        Changed in place.
    strategy : {"full", "low-rank", "last-blocks", "head"}

    Yields
    ------
    list of nn.Parameter
        What an optimiser may change.
    """
    if strategy == "full":
        yield list(network.parameters())
    elif strategy == "low-rank":
        with _low_rank(network) as taught:
            yield taught
    else:
        yield _named(network, _PARTS[strategy]) or _last_third(network)


@contextmanager
def _low_rank(network: nn.Module) -> Iterator[list[nn.Parameter]]:
    corrected = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Conv3d)]
    others = [
        p for p in network.parameters() if p.ndim == 1
    ]  # biases and normalisation: few, and they matter
    taught = list(others)
    for module in corrected:
        correction = LowRank(module.weight, min(RANK, module.weight.shape[0]))
        parametrize.register_parametrization(module, "weight", correction)
        taught += [correction.down, correction.up]
    try:
        yield taught
    finally:
        for module in corrected:
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)


def _named(network: nn.Module, parts: tuple[str, ...]) -> list[nn.Parameter]:
    return [p for name, p in network.named_parameters() if name.split(".")[0].startswith(parts)]


def _last_third(network: nn.Module) -> list[nn.Parameter]:
    every = list(network.parameters())
    return every[-max(1, len(every) // 3) :]
