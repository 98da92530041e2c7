"""Test-time augmentation: the 16 mirrors and transposes of a block of sections, and their inverses.

Means are formed as the views come, so that the memory is that of two results and not of sixteen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


@dataclass(frozen=True)
class View:
    """One way of looking at (batch, sections, y, x): order of sections, mirrors in y and x, transpose."""

    z: bool = False
    y: bool = False
    x: bool = False
    transpose: bool = False

    def forward(self, block: Tensor) -> Tensor:
        """Turn an input; its sections may change order."""
        if self.z:
            block = block.flip(1)
        return self._turn(block)

    def _turn(self, block: Tensor) -> Tensor:
        dims = [d for d, on in ((2, self.y), (3, self.x)) if on]
        if dims:
            block = block.flip(dims)
        return block.transpose(2, 3) if self.transpose else block

    def inverse(self, result: Tensor) -> Tensor:
        """Turn a result (batch, targets, y, x) back."""
        if self.transpose:
            result = result.transpose(2, 3)
        dims = [d for d, on in ((2, self.y), (3, self.x)) if on]
        return result.flip(dims) if dims else result


_BITS = (False, True)
VIEWS: dict[str, tuple[View, ...]] = {
    "none": (View(),),
    "flips": tuple(View(y=y, x=x) for y in _BITS for x in _BITS),
    "16": tuple(View(z, y, x, t) for z in _BITS for t in _BITS for y in _BITS for x in _BITS),
}
"""Setting to views."""


def mean_over_views(network: Callable[[Tensor], Tensor], block: Tensor, views: str) -> Tensor:
    """Mean probability over views.

    Parameters
    ----------
    network : callable
        (batch, sections, y, x) to logits (batch, targets, y, x).
    block : Tensor (batch, sections, y, x)
    views : {"none", "flips", "16"}
    """
    total: Tensor | None = None
    chosen = VIEWS[views]
    for view in chosen:
        logits = network(view.forward(block).contiguous(memory_format=torch.channels_last))
        probability = view.inverse(torch.sigmoid(logits.float()))
        total = probability.clone() if total is None else total.add_(probability)
    assert total is not None
    return total / len(chosen)
