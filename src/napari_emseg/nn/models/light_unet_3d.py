"""Light residual U-Net for anisotropic volumes, and its variants with a head for embeddings.

Lee, Zung, Li, Jain, Seung 2017 (arXiv 1706.00120), narrower: 140 thousand weights, sections are never pooled.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from napari_emseg.nn.models.blocks3d import CUBE, FLAT, Residual, convolution
from napari_emseg.nn.models.sizes import cut, padded, resized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_WIDE = (1, 5, 5)
_POOL = (1, 2, 2)


class LightUNet3D(nn.Module):
    """Light U-Net.

    Parameters
    ----------
    sections : int
        Input channels: 1.
    targets : int
        Output channels (logits).
    widths : sequence of int
    auxiliary : bool
        In training, logits at a quarter of the resolution as well.
    """

    dims = 3

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        widths: Sequence[int] = (8, 12, 16, 20, 24),
        *,
        auxiliary: bool = False,
    ) -> None:
        super().__init__()
        step = 2 ** (len(widths) - 1)
        self.divisor = (1, step, step)
        top = widths[0]
        self.enter = convolution(sections, top, _WIDE)
        self.encoder = nn.ModuleList(
            nn.Sequential(
                convolution(a, b, FLAT),
                Residual(b, b, FLAT if level == 0 else CUBE, project=level == len(widths) - 1),
            )
            for level, (a, b) in enumerate(zip((top, *widths[:-1]), widths, strict=True))
        )
        self.lift = nn.ModuleList(convolution(b, a, (1, 1, 1)) for a, b in pairwise(widths))
        self.decoder = nn.ModuleList(
            nn.Sequential(convolution(a, a, FLAT), Residual(a, a, FLAT if level == 0 else CUBE))
            for level, a in enumerate(widths[:-1])
        )
        self.out = nn.Conv3d(top, targets, _WIDE, padding=(0, 2, 2), padding_mode="replicate")
        self.side = nn.Conv3d(widths[2], targets, CUBE, padding=1) if auxiliary else None

    def features(self, x: Tensor) -> list[Tensor]:
        """Decoder features from full resolution downwards."""
        x = self.enter(x)
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(functional.max_pool3d(x, _POOL) if level else x)
            skips.append(x)
        found = [skips.pop()]
        for lift, block in zip(reversed(self.lift), reversed(self.decoder), strict=True):
            skip = skips.pop()
            found.append(block(skip + resized(lift(found[-1]), skip.shape[2:])))
        return found[::-1]

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(batch, 1, z, y, x) to logits (batch, targets, z, y, x), any size."""
        z, y, x_extent = size = x.shape[2:]
        levels = self.features(padded(x, self.divisor))
        logits = cut(self.out(levels[0]), size)
        if self.training and self.side is not None:
            return logits, cut(self.side(levels[2]), (z, -(-y // 4), -(-x_extent // 4)))
        return logits


class EmbeddingUNet3D(LightUNet3D):
    """Light U-Net whose output is an embedding, for discriminative learning and nearest-neighbour classification.

    Parameters
    ----------
    targets : int
        Length of the embedding of a voxel.
    """

    def __init__(
        self, sections: int = 1, targets: int = 12, widths: Sequence[int] = (8, 12, 16, 20, 24)
    ) -> None:
        super().__init__(sections, targets, widths)


class PrototypeUNet3D(nn.Module):
    """Light U-Net that compares every voxel with the mean embedding of a marked foreground and background.

    The prior (what is marked, perhaps wrongly) is a second input channel. Logits are how much further a voxel is from
    the background's prototype than from the foreground's. Prototypes are means over all of the block, and a class that
    nobody marked leaves the answer undecided (0).

    Parameters
    ----------
    sections : int
        Input channels: the image, and the prior in [0, 1]. A network that is given the image alone takes its own
        first guess for a prior.
    targets : int
        Output channels.
    length : int
        Of the embedding.
    """

    dims = 3

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        widths: Sequence[int] = (8, 12, 16, 20, 24),
        features: int = 12,
        length: int = 24,
    ) -> None:
        super().__init__()
        self.sections = sections
        self.body = LightUNet3D(1, features, widths)
        self.divisor = self.body.divisor
        self.key = nn.Conv3d(features, length, CUBE, padding=1)
        self.query = nn.Conv3d(features, length, CUBE, padding=1)
        self.guess = nn.Conv3d(features, targets, 1) if sections == 1 else None
        self.scale = nn.Parameter(torch.ones(targets))

    def forward(self, x: Tensor, prior: Tensor | None = None) -> Tensor:
        """Image (batch, 1 or 2, z, y, x), prior (batch, targets, z, y, x), to logits (batch, targets, z, y, x)."""
        if prior is None and x.shape[1] > 1:
            x, prior = x[:, :1], x[:, 1:]
        features = self.body(x)
        if prior is None:
            assert self.guess is not None
            prior = self.guess(features).sigmoid()
        keys, queries = self.key(features), self.query(features)
        out = []
        for c in range(len(self.scale)):
            marked = prior[:, min(c, prior.shape[1] - 1)].unsqueeze(1)
            near, near_there = _mean_embedding(keys, marked)
            far, far_there = _mean_embedding(keys, 1 - marked)
            gap = _distance(queries, far) - _distance(queries, near)
            out.append(self.scale[c] * gap * near_there * far_there)
        return torch.cat(out, 1)


def _mean_embedding(embedding: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean over space, (batch, length, 1, 1, 1), and whether there was anything, as 0 or 1."""
    space = (2, 3, 4)
    total = weight.sum(space, keepdim=True)
    mean = (embedding * weight).sum(space, keepdim=True) / total.clamp(min=1e-6)
    return mean, (total > 1e-6).to(embedding.dtype)


def _distance(embedding: Tensor, prototype: Tensor) -> Tensor:
    # a root has no slope at 0
    return ((embedding - prototype).square().sum(1, keepdim=True) + 1e-12).sqrt()
