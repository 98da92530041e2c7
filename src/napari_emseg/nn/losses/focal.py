"""Focal loss: what is already answered well counts less (Lin et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from napari_emseg.nn.losses.dice import dice
from napari_emseg.nn.losses.pixels import mean

if TYPE_CHECKING:
    from torch import Tensor


def focal(
    logits: Tensor, truth: Tensor, weight: Tensor, *, gamma: float = 2.0, positive_share: float = 0.5
) -> dict[str, Tensor]:
    """Mean over supervised pixels of ``-(1 - p_t)^gamma log p_t``, computed from logits so that it is always finite.

    Parameters
    ----------
    logits, truth, weight : Tensor (batch, targets, ...)
    gamma : float
        0 is cross-entropy.
    positive_share : float
        Weight of positives, negatives get the rest; one half weighs both with 1.

    Returns
    -------
    dict of str to Tensor (targets,)
        ``per_target`` and the detached component ``focal``.
    """
    cross = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    # 1 - p_t as a sigmoid keeps its slope where 1 - exp(-cross) would be 0 - 0
    missed = torch.sigmoid(logits * (1 - 2 * truth))
    factor = 2 * (positive_share * truth + (1 - positive_share) * (1 - truth))
    if gamma:
        factor = factor * missed**gamma
    value = mean(cross * factor, weight)
    return {"per_target": value, "focal": value.detach()}


def focal_dice(
    logits: Tensor,
    truth: Tensor,
    weight: Tensor,
    *,
    gamma: float = 2.0,
    positive_share: float = 0.5,
    dice_share: float = 0.5,
    smooth: float = 10.0,
) -> dict[str, Tensor]:
    """Focal loss plus Dice."""
    one = focal(logits, truth, weight, gamma=gamma, positive_share=positive_share)
    other = dice(logits, truth, weight, smooth=smooth)
    value = one["per_target"] + dice_share * other["per_target"]
    return {"per_target": value, "focal": one["focal"], "dice": other["dice"]}


def focal_bce_dice(
    logits: Tensor,
    truth: Tensor,
    weight: Tensor,
    *,
    gamma: float = 2.0,
    dice_share: float = 1.0,
    bce_share: float = 10.0,
    focal_share: float = 100.0,
    positive_share: float = 0.99,
    smooth: float = 10.0,
) -> dict[str, Tensor]:
    """Sum for thin lines: Dice, re-weighted cross-entropy and focal loss, with the shares that worked for them.

    For blobs, take ``bce_share`` 0.
    """
    region = dice(logits, truth, weight, smooth=smooth)
    cross = focal(logits, truth, weight, gamma=0.0, positive_share=positive_share)["per_target"]
    hard = focal(logits, truth, weight, gamma=gamma)["per_target"]
    value = dice_share * region["per_target"] + bce_share * cross + focal_share * hard
    return {"per_target": value, "dice": region["dice"], "bce": cross.detach(), "focal": hard.detach()}
