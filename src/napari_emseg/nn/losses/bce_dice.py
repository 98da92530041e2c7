"""Binary cross-entropy plus soft Dice, per target, over supervised pixels only.

Dice as in Milletari et al. 2016 without squares, smoothed so that empty masks give 0 and not 0/0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

_SMOOTH = 32.0  # pixels: an empty truth with an empty prediction costs nothing


def bce_dice(logits: Tensor, truth: Tensor, weight: Tensor, *, dice_share: float = 0.5) -> dict[str, Tensor]:
    """Loss of logits against binary truth.

    Parameters
    ----------
    logits : Tensor (batch, targets, y, x)
    truth : Tensor (batch, targets, y, x)
        0 or 1; anything where the weight is 0.
    weight : Tensor (batch, targets, y, x)
        0 where nothing is known.
    dice_share : float
        Weight of the Dice term beside the cross-entropy.

    Returns
    -------
    dict of str to Tensor
        ``per_target`` (targets,), whose weighted mean is to be minimised, and the detached scalar components
        ``bce`` and ``dice``. A target that nothing supervises has loss 0.
    """
    supervised = weight.sum((0, 2, 3))
    cross = functional.binary_cross_entropy_with_logits(logits, truth, weight=weight, reduction="none")
    bce = cross.sum((0, 2, 3)) / supervised.clamp(min=1)
    known = (weight > 0).to(logits.dtype)
    probability = torch.sigmoid(logits) * known
    shared = (probability * truth).sum((0, 2, 3))
    both = probability.sum((0, 2, 3)) + (truth * known).sum((0, 2, 3))
    taught = (supervised > 0).to(logits.dtype)
    dice = (1 - (2 * shared + _SMOOTH) / (both + _SMOOTH)) * taught
    count = taught.sum().clamp(min=1)
    return {
        "per_target": bce + dice_share * dice,
        "bce": bce.detach().sum() / count,
        "dice": dice.detach().sum() / count,
    }
