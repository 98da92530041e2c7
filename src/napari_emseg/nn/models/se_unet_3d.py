"""Squeeze-and-excitation U-Net for anisotropic volumes: second place of a synapse challenge, also for polarity.

Channels are weighed by their mean over the volume, and places by a coarse map (Hu et al. 2018; Roy et al. 2018). The
channel branch has no normalisation over the batch, so that a batch of one works.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

from napari_emseg.nn.models.blocks3d import CUBE, FLAT, convolution
from napari_emseg.nn.models.sizes import cut, padded, resized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_PATCH = 8  # pixels over which the spatial branch pools


class Recalibration(nn.Module):
    """Scale channels and places, and add both."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.channel = nn.Sequential(
            nn.AdaptiveAvgPool3d(1),
            nn.Conv3d(channels, channels // reduction, 1),
            nn.ELU(),
            nn.Conv3d(channels // reduction, channels, 1),
            nn.Sigmoid(),
        )
        self.narrow = convolution(channels, 1, (1, 1, 1), bias=True)
        self.place = convolution(1, 1, CUBE)
        self.wide = convolution(1, channels, (1, 1, 1), bias=True, act="none")

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape."""
        patch = (1, *(min(_PATCH, n) for n in x.shape[3:]))
        coarse = self.place(functional.max_pool3d(self.narrow(x), patch, ceil_mode=True))
        place = self.wide(resized(coarse, x.shape[2:])).sigmoid()
        y: Tensor = x * self.channel(x) + x * place
        return y


class FlatStage(nn.Module):
    """A convolution, then one cascade of dilations 1, 2, 4, 8 of which every step is added; recalibrated."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.enter = convolution(channels_in, channels, CUBE, bias=True)
        self.cascade = nn.ModuleList(
            convolution(channels, channels, FLAT, dilation=d, act="none") for d in (1, 2, 4, 8)
        )
        self.recalibrate = Recalibration(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, z, y, x) to (batch, channels, z, y, x)."""
        x = self.enter(x)
        total, step = x, x
        for n, block in enumerate(self.cascade):
            step = block(functional.elu(step) if n else step)
            total = total + step
        return functional.elu(self.recalibrate(total))


class CubeStage(nn.Module):
    """A convolution and a residual pair."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.enter = convolution(channels_in, channels, CUBE)
        self.pair = nn.Sequential(
            convolution(channels, channels, CUBE), convolution(channels, channels, CUBE, act="none")
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, z, y, x) to (batch, channels, z, y, x)."""
        x = self.enter(x)
        return functional.elu(x + self.pair(x))


class SEUNet3D(nn.Module):
    """Squeeze-and-excitation U-Net.

    Parameters
    ----------
    sections : int
        Input channels: 1.
    targets : int
        Output channels (logits).
    widths : sequence of int
    flat : int
        Levels, from the top, that are halved in y and x only.
    """

    dims = 3

    def __init__(
        self, sections: int = 1, targets: int = 1, widths: Sequence[int] = (32, 64, 128, 256), flat: int = 2
    ) -> None:
        super().__init__()
        pools = len(widths) - 1
        self.steps = [(1, 2, 2) if level < flat else (2, 2, 2) for level in range(pools)]
        self.divisor = (2 ** max(0, pools - flat), 2**pools, 2**pools)

        def stage(level: int, channels_in: int, channels: int) -> nn.Module:
            return FlatStage(channels_in, channels) if level < flat else CubeStage(channels_in, channels)

        self.encoder = nn.ModuleList(
            stage(level, a, b)
            for level, (a, b) in enumerate(zip((sections, *widths[:-1]), widths, strict=True))
        )
        self.lift = nn.ModuleList(
            convolution(b, a, CUBE, bias=True, act="none") for a, b in itertools.pairwise(widths)
        )
        self.decoder = nn.ModuleList(stage(level, a, a) for level, a in enumerate(widths[:-1]))
        self.out = nn.Conv3d(widths[0], targets, 3, padding=1, padding_mode="replicate")

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, z, y, x) to logits (batch, targets, z, y, x), any size."""
        size = x.shape[2:]
        x = padded(x, self.divisor)
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(functional.max_pool3d(x, self.steps[level - 1]) if level else x)
            skips.append(x)
        y = skips.pop()
        for lift, block in zip(reversed(self.lift), reversed(self.decoder), strict=True):
            skip = skips.pop()
            y = block(functional.elu(skip + lift(resized(y, skip.shape[2:]))))
        return cut(self.out(y), size)
