"""Losses that say how much a miss and a false alarm cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.nn.losses.pixels import known_part, taught, total

if TYPE_CHECKING:
    from torch import Tensor


def tversky(
    logits: Tensor,
    truth: Tensor,
    weight: Tensor,
    *,
    misses: float = 0.7,
    alarms: float = 0.3,
    gamma: float = 1.0,
    smooth: float = 1.0,
) -> dict[str, Tensor]:
    """Tversky loss (Salehi et al. 2017), or focal Tversky (Abraham & Khan 2019) with ``gamma`` below 1.

    Parameters
    ----------
    logits, truth, weight : Tensor (batch, targets, ...)
        Any weight above 0 counts as known.
    misses, alarms : float
        Cost of false negatives and of false positives; one half each is Dice.
    gamma : float
        Exponent of the loss.
    smooth : float
        Pixels added to numerator and denominator.

    Returns
    -------
    dict of str to Tensor (targets,)
        ``per_target`` and the detached component ``tversky``.
    """
    p, g = known_part(logits, truth, weight)
    hits, missed, alarmed = total(p * g), total((1 - p) * g), total(p * (weight > 0) - p * g)
    index = (hits + smooth) / (hits + misses * missed + alarms * alarmed + smooth)
    value = (1 - index).clamp(
        min=1e-12 if gamma != 1 else 0.0
    ) ** gamma  # the slope of a root at 0 is infinite
    value = value * taught(weight)
    return {"per_target": value, "tversky": value.detach()}


def sensitivity_specificity(
    logits: Tensor, truth: Tensor, weight: Tensor, *, share: float = 0.05, smooth: float = 1.0
) -> dict[str, Tensor]:
    """Mean squared error of positives and of negatives, each over its own area (Brosch et al. 2015).

    Parameters
    ----------
    share : float
        Weight of the positives' term (sensitivity); the negatives' term (specificity) has the rest.
    smooth : float
        Pixels added to both areas, so that an absent class costs nothing.
    """
    p, g = known_part(logits, truth, weight)
    known = (weight > 0).to(p.dtype)
    error = (p - g).square()
    positive = total(error * g) / (total(g) + smooth)
    negative = total(error * (known - g)) / (total(known - g) + smooth)
    value = (share * positive + (1 - share) * negative) * taught(weight)
    return {"per_target": value, "sensitivity": positive.detach(), "specificity": negative.detach()}
