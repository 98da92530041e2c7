"""Losses for targets that are a level in [0, 1] and not a mask: distances, proximities, soft masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from napari_emseg.nn.losses.pixels import mean, total

if TYPE_CHECKING:
    from torch import Tensor


def level(logits: Tensor, truth: Tensor, weight: Tensor, *, beta: float = 0.1) -> dict[str, Tensor]:
    """Smooth absolute error of the level (Huber, as in Girshick 2015), scaled so that it is comparable to Dice.

    Parameters
    ----------
    logits, truth, weight : Tensor (batch, targets, ...)
        Levels in [0, 1]; the answer is the logistic function of the logits.
    beta : float
        Below this error it is quadratic.

    Returns
    -------
    dict of str to Tensor (targets,)
        ``per_target`` and the detached component ``level``.
    """
    error = functional.smooth_l1_loss(torch.sigmoid(logits), truth, reduction="none", beta=beta)
    value = 4 * mean(error, weight)
    return {"per_target": value, "level": value.detach()}


def mse(logits: Tensor, truth: Tensor, weight: Tensor, *, balance_above: float = 0.0) -> dict[str, Tensor]:
    """Mean squared error of the level.

    Parameters
    ----------
    balance_above : float
        With a value, pixels whose truth is further than this from the middle (one half), and the rest, count alike
        however rare they are: for signed proximity, whose interesting values lie on few pixels. 0 switches it off.
    """
    error = (torch.sigmoid(logits) - truth).square()
    if balance_above:
        with torch.no_grad():
            near = ((truth - 0.5).abs() >= balance_above).to(truth.dtype)
            known = (weight > 0).to(truth.dtype)
            share = (total(near * known) / total(known).clamp(min=1)).clamp(0.01, 0.99)
            share = share.view(1, -1, *[1] * (truth.ndim - 2))
            factor = near / (2 * share) + (1 - near) / (2 * (1 - share))
        error = error * factor
    value = mean(error, weight)
    return {"per_target": value, "mse": value.detach()}


def decided(logits: Tensor, truth: Tensor, weight: Tensor, *, floor: float = 0.01) -> dict[str, Tensor]:
    """Push answers away from one half: the inverse of the mean distance from it, at least `floor` per pixel.

    An addition to another loss, with a small share; it looks at the answers alone.
    """
    del truth
    distance = mean((torch.sigmoid(logits) - 0.5).abs().clamp(min=floor), weight)
    value = torch.where(distance > 0, 1 / distance.clamp(min=floor) - 2, torch.zeros_like(distance))
    return {"per_target": value, "decided": value.detach()}
