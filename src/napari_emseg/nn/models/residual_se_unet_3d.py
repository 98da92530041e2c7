"""Residual U-Nets with local squeeze-and-excitation for volumes, and a feature-pyramid variant.

The family of the mitochondria pipeline: residual blocks that stay within the section at high resolution, cubes
further down, dilated bottlenecks at the bottom; sections are never pooled. With three targets: plain 7,733,651 weights,
double blocks 15,637,523, fused dilations at the two upper levels 8,133,491.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn
from torch.nn import functional

from napari_emseg.nn.models.blocks3d import CUBE, FLAT, Bottleneck, Residual, Squeeze, convolution
from napari_emseg.nn.models.sizes import cut, padded, resized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

Variant = Literal["plain", "double", "fused"]
_POOL = (1, 2, 2)
_SQUEEZE = ((2, 16, 1), (4, 8, 1), (8, 4, 1), (16, 2, 2), (16, 2, 2))
"""Per level: reduction of channels, extent of the patch in the section and in depth."""


class FusedDilations(nn.Module):
    """A convolution and a cascade of dilations 1, 2, 4, 8, of which every step is added, then squeezed."""

    def __init__(self, channels_in: int, channels: int, reduction: int) -> None:
        super().__init__()
        self.enter = convolution(channels_in, channels, CUBE, bias=True)
        self.cascade = nn.ModuleList(
            convolution(channels, channels, FLAT, dilation=d, act="none") for d in (1, 2, 4, 8)
        )
        self.squeeze = Squeeze(channels, min(reduction, channels), 2)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, z, y, x) to (batch, channels, z, y, x)."""
        x = self.enter(x)
        total, step = x, x
        for n, block in enumerate(self.cascade):
            step = block(functional.elu(step) if n else step)
            total = total + step
        return functional.elu(self.squeeze(total))


def _level(level: int, channels_in: int, channels: int, variant: Variant) -> nn.Module:
    if variant == "fused" and level < 2:
        return FusedDilations(channels_in, channels, _SQUEEZE[level][0])

    def block(channels_in: int) -> nn.Module:
        if level >= 3:
            return Bottleneck(channels_in, channels)
        return Residual(channels_in, channels, FLAT if level < 2 else CUBE, project=True)

    blocks = [block(channels_in)] + ([block(channels)] if variant == "double" else [])
    reduction, patch, depth = _SQUEEZE[min(level, 4)]
    return nn.Sequential(*blocks, Squeeze(channels, min(reduction, channels), patch, depth))


class ResidualSEUNet3D(nn.Module):
    """Residual U-Net with local squeeze-and-excitation.

    Parameters
    ----------
    sections : int
        Input channels: 1.
    targets : int
        Output channels (logits).
    widths : sequence of int
    variant : {"plain", "double", "fused"}
        One block a level, two, or fused dilations at the two upper levels.
    """

    dims = 3

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        widths: Sequence[int] = (32, 64, 128, 256, 256),
        variant: Variant = "plain",
    ) -> None:
        super().__init__()
        step = 2 ** (len(widths) - 1)
        self.divisor = (1, step, step)
        self.encoder = nn.ModuleList(
            _level(n, a, b, variant)
            for n, (a, b) in enumerate(zip((sections, *widths[:-1]), widths, strict=True))
        )
        self.lift = nn.ModuleList(convolution(b, a, (1, 1, 1)) for a, b in pairwise(widths))
        self.decoder = nn.ModuleList(_level(n, a, a, variant) for n, a in enumerate(widths[:-1]))
        self.out = nn.Conv3d(widths[0], targets, CUBE, padding=1, padding_mode="replicate")

    def features(self, x: Tensor) -> list[Tensor]:
        """Decoder features from full resolution downwards."""
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(functional.max_pool3d(x, _POOL) if level else x)
            skips.append(x)
        found = [skips.pop()]
        for lift, block in zip(reversed(self.lift), reversed(self.decoder), strict=True):
            skip = skips.pop()
            found.append(block(skip + resized(lift(found[-1]), skip.shape[2:])))
        return found[::-1]

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, z, y, x) to logits (batch, targets, z, y, x), any size."""
        levels = self.features(padded(x, self.divisor))
        return cut(self.out(levels[0]), x.shape[2:])


class FeaturePyramid3D(ResidualSEUNet3D):
    """The same, with logits from all decoder levels together (Lin et al. 2017, feature pyramid networks).

    Parameters
    ----------
    pyramid : int
        Channels that every level contributes.
    """

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        widths: Sequence[int] = (32, 64, 128, 256, 256),
        variant: Variant = "plain",
        pyramid: int = 32,
    ) -> None:
        super().__init__(sections, targets, widths, variant)
        self.lateral = nn.ModuleList(convolution(w, pyramid, CUBE) for w in widths[:-1])
        self.out = nn.Conv3d(pyramid * (len(widths) - 1), targets, CUBE, padding=1, padding_mode="replicate")

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, z, y, x) to logits (batch, targets, z, y, x), any size."""
        levels = self.features(padded(x, self.divisor))
        size = levels[0].shape[2:]
        gathered = [resized(lateral(y), size) for lateral, y in zip(self.lateral, levels, strict=False)]
        return cut(self.out(torch.cat(gathered, 1)), x.shape[2:])
