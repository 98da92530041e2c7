"""Online hard example mining: only the pixels with the largest losses teach (Shrivastava et al. 2016)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


def ohem_bce(
    logits: Tensor, truth: Tensor, weight: Tensor, *, keep: float = 0.1, at_least: int = 1000
) -> dict[str, Tensor]:
    """Mean cross-entropy of the hardest supervised pixels of every target.

    Parameters
    ----------
    logits, truth, weight : Tensor (batch, targets, ...)
    keep : float
        Share of the supervised pixels that is kept.
    at_least : int
        Fewest pixels kept, where there are so many.

    Returns
    -------
    dict of str to Tensor (targets,)
        ``per_target`` and the detached component ``ohem``.
    """
    cross = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return _hardest(cross, weight, keep, at_least)


def ohem_mse(
    logits: Tensor, truth: Tensor, weight: Tensor, *, keep: float = 0.1, at_least: int = 1000
) -> dict[str, Tensor]:
    """Mean squared error of the hardest supervised pixels of every target; see `ohem_bce`."""
    return _hardest((torch.sigmoid(logits) - truth).square(), weight, keep, at_least)


def _hardest(losses: Tensor, weight: Tensor, keep: float, at_least: int) -> dict[str, Tensor]:
    values = []
    for c in range(losses.shape[1]):
        known = weight[:, c] > 0
        own = (losses[:, c] * weight[:, c])[known]
        values.append(own[hardest(own.detach(), keep, at_least)].mean() if own.numel() else own.sum())
    value = torch.stack(values)
    return {"per_target": value, "ohem": value.detach()}


def hardest(losses: Tensor, keep: float, at_least: int) -> Tensor:
    """Places of the k largest of (n,) losses, with k the share `keep` of n, rounded up, at least `at_least`."""
    share = math.ceil(round(losses.numel() * keep, 6))  # 0.07 of 100 is 7.000000000000001 of them
    wanted = max(share, at_least, 1)
    return torch.topk(losses, min(wanted, losses.numel())).indices
