"""Few-shot targets: a handful of clicks, and every pixel belongs to what its features are nearest to.

Nearest class mean in feature space (Snell, Swersky, Zemel 2017, prototypical networks): with distances df and db to the
prototypes of foreground and background, p = exp(-df) / (exp(-df) + exp(-db)). Everything has a slope, also with respect
to soft marks, so it can stand at the end of a network that is trained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

_TINY = 1e-12
_INPUTS_OF = ("out", "expand")
"""Parts of a network whose inputs are its features: before the last convolution, and before the fine head."""


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


@torch.inference_mode()
def features_of(network: nn.Module, window: Tensor) -> Tensor:
    """What a network knows about every pixel before its last layers.

    Parameters
    ----------
    network : nn.Module
        One of `nn.MODELS` for single sections.
    window : Tensor (1, sections, y, x)
        Normalised.

    Returns
    -------
    Tensor (1, length, y, x)
        Features of all resolutions at full resolution, each scaled to a standard deviation of 1 over the window.

    Raises
    ------
    EmsegError
        If the network has no such layers, or looks at blocks of sections.
    """
    parts = [getattr(network, name) for name in _INPUTS_OF if hasattr(network, name)]
    if not parts or getattr(network, "dims", 2) == 3:
        raise EmsegError(
            "this network has no features to compare", type(network).__name__, "choose another model"
        )
    seen: list[Tensor] = []
    hooks = [p.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0])) for p in parts]
    try:
        network.eval()(window)
    finally:
        for hook in hooks:
            hook.remove()
    height, width = window.shape[-2:]
    full = max(t.shape[-2] for t in seen)
    grown = []
    for values in seen:
        scale = full // values.shape[-2]
        up = (
            functional.interpolate(values, scale_factor=float(scale), mode="bilinear")
            if scale > 1
            else values
        )
        grown.append(up[..., :height, :width])
    features = torch.cat(grown, 1)
    return features / features.std((2, 3), keepdim=True).clamp(min=1e-3)


def prototypes_at(features: Tensor, points: Sequence[tuple[int, int]]) -> Tensor:
    """Mean features of 3 x 3 pixels around points (y, x), (1, n, length); those outside of the picture are left out."""
    height, width = features.shape[-2:]
    found = [
        features[0, :, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].mean((1, 2))
        for y, x in points
        if 0 <= y < height and 0 <= x < width
    ]
    return torch.stack(found)[None] if found else features.new_zeros(1, 0, features.shape[1])
