"""What all losses share: sums over supervised pixels, target by target, for 2D and 3D alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def total(values: Tensor) -> Tensor:
    """Sum over samples and space: (batch, targets, ...) to (targets,)."""
    return values.sum([0, *range(2, values.ndim)])


def mean(values: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean over samples and space, (targets,); 0 where nothing is supervised.

    Parameters
    ----------
    values : Tensor (batch, targets, ...)
    weight : Tensor (batch, targets, ...)
        0 where nothing is known.
    """
    return total(values * weight) / total(weight).clamp(min=1)


def taught(weight: Tensor) -> Tensor:
    """Which targets any pixel supervises, (targets,) of 0 and 1."""
    return (total(weight) > 0).to(weight.dtype)


def known_part(logits: Tensor, truth: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Probability and truth, both 0 where nothing is known."""
    known = (weight > 0).to(logits.dtype)
    return torch.sigmoid(logits) * known, truth * known
