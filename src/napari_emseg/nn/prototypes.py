"""Every pixel belongs to what its features are nearest to: the end of a network that is given examples.

Nearest class mean in feature space (Snell, Swersky, Zemel 2017, prototypical networks): with distances df and db to the
prototypes of foreground and background, p = exp(-df) / (exp(-df) + exp(-db)). Everything has a slope, also with respect
to soft marks, so it can stand at the end of a network that is trained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

_TINY = 1e-12


def mean_features(features: Tensor, marks: Tensor) -> tuple[Tensor, Tensor]:
    """Mean feature of what is marked.

    Parameters
    ----------
    features : Tensor (batch, length, ...)
    marks : Tensor (batch, 1, ...)
        Weights, 0 where nothing is marked; soft marks (a saliency) pass slopes on.

    Returns
    -------
    prototype : Tensor (batch, length)
        0 where nothing is marked.
    there : Tensor (batch,) of bool
        Whether anything is.
    """
    weight = marks.flatten(2)
    total = weight.sum(2)
    mean = (features.flatten(2) * weight).sum(2) / total.clamp(min=_TINY)
    return mean, total[:, 0] > 0


def nearest(features: Tensor, foreground: Tensor, background: Tensor) -> Tensor:
    """Probability that a pixel is foreground, by the distance of its features to prototypes.

    Parameters
    ----------
    features : Tensor (batch, length, ...)
    foreground, background : Tensor (batch, n, length)
        Prototypes of each class; of several the nearest counts. A class without any leaves the answer at one half.

    Returns
    -------
    Tensor (batch, 1, ...)
    """
    if not foreground.shape[1] or not background.shape[1]:
        return torch.full_like(features[:, :1], 0.5)
    gap = _distance(features, background) - _distance(features, foreground)
    return torch.sigmoid(gap)


def _distance(features: Tensor, prototypes: Tensor) -> Tensor:
    flat = features.flatten(2).transpose(1, 2)
    squared = (flat[:, :, None] - prototypes[:, None]).square().sum(3)
    distance = (squared + _TINY).sqrt().amin(2)  # a root has no slope at 0
    return distance.reshape(features.shape[0], 1, *features.shape[2:])


def classify(features: Tensor, saliency: Tensor) -> Tensor:
    """Probability of the foreground that a saliency map marks: its own means are the prototypes.

    Parameters
    ----------
    features : Tensor (batch, length, ...)
    saliency : Tensor (batch, 1, ...) in [0, 1]
        Slopes reach it. One that is 0 or 1 everywhere, in any sample, leaves that sample at one half.
    """
    near, near_there = mean_features(features, saliency)
    far, far_there = mean_features(features, 1 - saliency)
    found = nearest(features, near[:, None], far[:, None])
    both = (near_there & far_there).view(-1, *[1] * (found.ndim - 1))
    return torch.where(both, found, torch.full_like(found, 0.5))


def noisy_prior(truth: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """A mask in which a share of the pixels is flipped, for training a network that is given a prior.

    Parameters
    ----------
    truth : Tensor
        0 or 1.
    share : float
        Chance that a pixel is wrong, such as 0.05.
    """
    flip = torch.rand(truth.shape, generator=generator).to(truth.device) < share
    return torch.where(flip, 1 - truth, truth)
