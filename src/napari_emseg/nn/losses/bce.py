"""Binary cross-entropy with the ways of weighing rare targets that the field uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from napari_emseg.nn.losses.distance_weight import negatives_by_distance
from napari_emseg.nn.losses.pixels import mean, total

if TYPE_CHECKING:
    from torch import Tensor


def bce(
    logits: Tensor,
    truth: Tensor,
    weight: Tensor,
    *,
    positive_share: float = 0.5,
    balance: float = 0.0,
    rarest: float = 1e-4,
    cap: float = 50.0,
    distance_px: float = 0.0,
) -> dict[str, Tensor]:
    """Weighted mean cross-entropy.

    Parameters
    ----------
    logits, truth, weight : Tensor (batch, targets, ...)
        Truth may be soft, in [0, 1]. Weight 0 supervises nothing.
    positive_share : float
        Weight of positives, negatives get the rest; one half weighs them alike (0.99 for thin lines).
    balance : float
        Strength of the weight of positives by their rarity, ``balance * (1 - f) / f`` with ``f`` their share among
        supervised pixels; 0 switches it off, 1 makes both classes count alike.
    rarest : float
        Lower bound of that share.
    cap : float
        No positive weighs more than this.
    distance_px : float
        Negatives weigh ``tanh(distance to the nearest positive / distance_px)``; 0 switches it off.

    Returns
    -------
    dict of str to Tensor (targets,)
        ``per_target`` and the detached component ``bce``.
    """
    cross = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    factor = 2 * (positive_share * truth + (1 - positive_share) * (1 - truth))
    if balance:
        factor = factor * rarity_weight(truth, weight, balance=balance, rarest=rarest, cap=cap)
    if distance_px:
        factor = factor * negatives_by_distance(truth, weight, distance_px)
    value = mean(cross * factor, weight)
    return {"per_target": value, "bce": value.detach()}


@torch.no_grad()
def rarity_weight(truth: Tensor, weight: Tensor, *, balance: float, rarest: float, cap: float) -> Tensor:
    """Weight of every pixel from how rare positives are: ``y * min(balance * (1 - f) / f, cap) + (1 - y)``.

    Parameters
    ----------
    truth, weight : Tensor (batch, targets, ...)
    balance, rarest, cap : float
        See `bce`.
    """
    known = (weight > 0).to(truth.dtype)
    share = (total(truth * known) / total(known).clamp(min=1)).clamp(rarest, 1.0)
    positive = (balance * (1 - share) / share).clamp(max=cap).view(1, -1, *[1] * (truth.ndim - 2))
    return truth * positive + (1 - truth)
