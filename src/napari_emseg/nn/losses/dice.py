"""Dice losses in their published forms, over supervised pixels only.

Every form is 0 for a perfect answer and goes to 1 for a disjoint one. ``smooth`` stands in numerator and
denominator alike, so that an empty truth with an empty answer costs 0 and not 0/0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch.nn import functional

from napari_emseg.nn.losses.pixels import known_part, taught, total

if TYPE_CHECKING:
    from torch import Tensor

Form = Literal["linear", "squared"]


def dice(
    logits: Tensor,
    truth: Tensor,
    weight: Tensor,
    *,
    form: Form = "linear",
    smooth: float = 1.0,
    per_sample: bool = False,
    negatives: float = 0.0,
) -> dict[str, Tensor]:
    """One minus the Dice coefficient.

    Parameters
    ----------
    logits, truth, weight : Tensor (batch, targets, ...)
        Dice counts pixels, so any weight above 0 counts as known.
    form : {"linear", "squared"}
        Denominator sum(p) + sum(g) (Drozdzal et al. 2016), or sum(p^2) + sum(g^2) (V-Net, Milletari et al. 2016).
    smooth : float
        Pixels added to numerator and denominator.
    per_sample : bool
        Dice of every sample, then their mean; else of the batch as one.
    negatives : float
        Share of the Dice of the background in the result, as for a target that fills most of the picture.

    Returns
    -------
    dict of str to Tensor (targets,)
        ``per_target`` and the detached component ``dice``.
    """
    p, g = known_part(logits, truth, weight)
    value = (1 - negatives) * _one_minus(p, g, form, smooth, per_sample)
    if negatives:
        known = (weight > 0).to(p.dtype)
        value = value + negatives * _one_minus(known - p, known - g, form, smooth, per_sample)
    value = value * taught(weight)
    return {"per_target": value, "dice": value.detach()}


def _one_minus(p: Tensor, g: Tensor, form: Form, smooth: float, per_sample: bool) -> Tensor:
    if form not in ("linear", "squared"):
        raise ValueError(f"Dice has the forms linear and squared, not {form}")
    top, bottom = p * g, (p + g if form == "linear" else p * p + g * g)
    if per_sample:
        over = list(range(2, p.ndim))
        return (1 - (2 * top.sum(over) + smooth) / (bottom.sum(over) + smooth)).mean(0)
    return 1 - (2 * total(top) + smooth) / (total(bottom) + smooth)


def generalised_dice(
    logits: Tensor, truth: Tensor, weight: Tensor, *, smooth: float = 1.0
) -> dict[str, Tensor]:
    """Generalised Dice of foreground and background, each weighed by its inverse squared area (Sudre et al. 2017).

    A class that is absent gets the weight of the one that is there, instead of an infinite one.
    """
    p, g = known_part(logits, truth, weight)
    known = (weight > 0).to(p.dtype)
    area = torch.stack((total(g), total(known - g)))
    scale = 1 / area.clamp(min=1).square()
    scale = torch.where(area > 0, scale, scale.flip(0))
    scale = scale / scale.sum(0).clamp(min=1e-30)
    top = scale[0] * total(p * g) + scale[1] * total((known - p) * (known - g))
    bottom = scale[0] * total(p + g) + scale[1] * total(2 * known - p - g)
    extra = smooth * scale.amin(0)
    value = (1 - (2 * top + extra) / (bottom + extra).clamp(min=1e-12)) * taught(weight)
    return {"per_target": value, "generalised_dice": value.detach()}


def border_dice(logits: Tensor, truth: Tensor, weight: Tensor, *, smooth: float = 1.0) -> dict[str, Tensor]:
    """One minus the Dice of the borders: what a 3 x 3 maximum adds to the inverted mask, soft for probabilities.

    The border of a soft mask p is max(1 - p over 3 x 3) - (1 - p); it lies inside the object.
    """
    p, g = known_part(logits, truth, weight)
    known = (weight > 0).to(p.dtype)
    edge_p, edge_g = _border(p) * known, _border(g) * known
    value = 1 - (2 * total(edge_p * edge_g) + smooth) / (total(edge_p + edge_g) + smooth)
    value = value * taught(weight)
    return {"per_target": value, "border_dice": value.detach()}


def _border(mask: Tensor) -> Tensor:
    pool = functional.max_pool3d if mask.ndim == 5 else functional.max_pool2d
    kernel = (1, 3, 3) if mask.ndim == 5 else 3
    padding = (0, 1, 1) if mask.ndim == 5 else 1
    return pool(1 - mask, kernel, 1, padding) - (1 - mask)


def hardness_dice(
    logits: Tensor, truth: Tensor, weight: Tensor, *, share: float = 0.6, smooth: float = 1.0
) -> dict[str, Tensor]:
    """Dice in which a pixel weighs ``share * |p - g| + 1 - share`` (Wang et al. 2019, 2.5D attention U-Net).

    A share of 0 is Dice.
    """
    p, g = known_part(logits, truth, weight)
    w = (share * (p - g).abs() + 1 - share) * (weight > 0)
    value = 1 - (2 * total(w * p * g) + smooth) / (total(w * (p + g)) + smooth)
    value = value * taught(weight)
    return {"per_target": value, "hardness_dice": value.detach()}
