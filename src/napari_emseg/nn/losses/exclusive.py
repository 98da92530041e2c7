"""Cross-entropy over targets of which a pixel has at most one: a multi-class head.

Networks give one-against-the-rest log-odds for such targets (`napari_emseg.nn.models.heads`), so that the
logistic function of each is its softmax probability, and prediction need not know about classes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from napari_emseg.nn.losses.pixels import mean

if TYPE_CHECKING:
    from torch import Tensor

_TINY = 1e-6


def categorical(logits: Tensor, truth: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """Minus the log-probability of the class that a pixel has.

    Parameters
    ----------
    logits, truth, weight : Tensor (batch, targets, ...)
        Targets of one exclusive group. A pixel without any of them is background.

    Returns
    -------
    dict of str to Tensor
        ``per_target`` (targets,): each class's share of the loss, whose sum is the cross-entropy; the detached
        component ``categorical`` likewise. The background's share is spread over the classes.
    """
    known = weight.amin(1, keepdim=True)  # a class nobody looked for makes "none of them" unknown
    own = -functional.logsigmoid(logits) * truth
    background = 1 - logits.sigmoid().sum(1, keepdim=True)
    # where it has been rounded away its logarithm has no slope: there every class is pushed down by itself
    pushed = functional.softplus(logits).sum(1, keepdim=True)
    pushed = pushed + (-math.log(_TINY) - pushed).clamp(min=0).detach()
    missed = torch.where(background > _TINY, -background.clamp(min=_TINY).log(), pushed)
    nothing = (1 - truth.sum(1, keepdim=True)).clamp(min=0)
    rest = missed * nothing / logits.shape[1]
    value = mean(own, weight) + mean((rest * known).expand_as(own), weight)
    return {"per_target": value, "categorical": value.detach()}
