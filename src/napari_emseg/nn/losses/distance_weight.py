"""Negatives far from any positive weigh more than those beside one, where annotators disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import edt
import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor


@torch.no_grad()
def negatives_by_distance(truth: Tensor, weight: Tensor, scale_px: float) -> Tensor:
    """Weight 1 on positives, ``tanh(D / scale_px)`` on negatives at distance D from the nearest known positive.

    Parameters
    ----------
    truth, weight : Tensor (batch, targets, ...)
    scale_px : float
        At this distance a negative weighs 0.76, at twice the distance 0.96.

    Returns
    -------
    Tensor (batch, targets, ...)
        1 everywhere in a sample without positives.
    """
    positive = ((truth > 0.5) & (weight > 0)).cpu().numpy()
    out = np.ones(positive.shape, np.float32)
    for b, c in np.ndindex(positive.shape[:2]):
        if positive[b, c].any():
            far = edt.edt(~positive[b, c], black_border=False)
            out[b, c] = np.where(positive[b, c], 1, np.tanh(far / scale_px))
    return torch.from_numpy(out).to(truth.device)
