"""Binary cross-entropy plus soft Dice, per target, over supervised pixels only.

Dice as in Milletari et al. 2016 without squares, smoothed so that empty masks give 0 and not 0/0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

from napari_emseg.nn.losses.pixels import known_part, taught, total

if TYPE_CHECKING:
    from torch import Tensor

_SMOOTH = 32.0  # pixels: an empty truth with an empty prediction costs nothing


def bce_dice(logits: Tensor, truth: Tensor, weight: Tensor, *, dice_share: float = 0.5) -> dict[str, Tensor]:
    """Loss of logits against binary truth.

    Parameters
    ----------
    logits : Tensor (batch, targets, ...)
    truth : Tensor (batch, targets, ...)
        0 or 1; anything where the weight is 0.
    weight : Tensor (batch, targets, ...)
        0 where nothing is known.
    dice_share : float
        Weight of the Dice term beside the cross-entropy.

    Returns
    -------
    dict of str to Tensor (targets,)
        ``per_target``, whose weighted mean is to be minimised, and the detached components ``bce`` and ``dice``.
        A target that nothing supervises has loss 0.
    """
    cross = functional.binary_cross_entropy_with_logits(logits, truth, weight=weight, reduction="none")
    bce = total(cross) / total(weight).clamp(min=1)
    probability, there = known_part(logits, truth, weight)
    both = total(probability) + total(there)
    dice = (1 - (2 * total(probability * there) + _SMOOTH) / (both + _SMOOTH)) * taught(weight)
    return {"per_target": bce + dice_share * dice, "bce": bce.detach(), "dice": dice.detach()}
