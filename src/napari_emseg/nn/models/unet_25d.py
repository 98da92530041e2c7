"""2.5D U-Net with spatial attention (Wang et al. 2019) for volumes of thick sections.

Convolutions stay within the section at the two upper levels and are cubic further down; the upper levels are halved
within the section, over 2 x 2 pixels, the lower ones through it too, over 3 x 3 x 3 voxels. A map of attention scales
the features of the bottom and of every decoder level.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from napari_emseg.nn.models.blocks3d import CUBE, FLAT, convolution
from napari_emseg.nn.models.sizes import cut, padded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Attention(nn.Module):
    """Scale every place by 1 + a, with a in [0, 1] from two convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.map = nn.Sequential(
            nn.Conv3d(channels, max(1, channels // 2), 3, padding=1),
            nn.ReLU(),
            nn.Conv3d(max(1, channels // 2), 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape."""
        y: Tensor = x + x * self.map(x).sigmoid()
        return y


class UNet25D(nn.Module):
    """2.5D U-Net with attention.

    Parameters
    ----------
    sections : int
        Input channels: 1.
    targets : int
        Output channels (logits).
    widths : sequence of int
    flat : int
        Levels, from the top, whose convolutions and halving stay within the section.
    attention : bool
    """

    dims = 3

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        widths: Sequence[int] = (16, 32, 64, 128, 256),
        flat: int = 2,
        *,
        attention: bool = True,
    ) -> None:
        super().__init__()
        pools = len(widths) - 1
        self.steps = [(1, 2, 2) if level < flat else (2, 2, 2) for level in range(pools)]
        self.divisor = (2 ** max(0, pools - flat), 2**pools, 2**pools)

        def pair(level: int, channels_in: int, channels: int) -> nn.Module:
            kernel = FLAT if level < flat else CUBE
            return nn.Sequential(
                convolution(channels_in, channels, kernel, act="prelu"),
                convolution(channels, channels, kernel, act="prelu"),
            )

        self.encoder = nn.ModuleList(
            pair(n, a, b) for n, (a, b) in enumerate(zip((sections, *widths[:-1]), widths, strict=True))
        )
        self.lift = nn.ModuleList(
            nn.ConvTranspose3d(b, a, step, step)
            for (a, b), step in zip(pairwise(widths), self.steps, strict=True)
        )
        self.decoder = nn.ModuleList(pair(n, 2 * a, a) for n, a in enumerate(widths[:-1]))
        self.attention = nn.ModuleList(Attention(w) if attention else nn.Identity() for w in widths)
        self.out = nn.Conv3d(widths[0], targets, FLAT, padding=(0, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, z, y, x) to logits (batch, targets, z, y, x), any size."""
        size = x.shape[2:]
        x = padded(x, self.divisor)
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(_halved(x, self.steps[level - 1]) if level else x)
            skips.append(x)
        y = self.attention[-1](skips.pop())
        for lift, block, look in zip(
            reversed(self.lift), reversed(self.decoder), reversed(self.attention[:-1]), strict=True
        ):
            y = look(block(torch.cat((lift(y), skips.pop()), 1)))
        return cut(self.out(y), size)


def _halved(x: Tensor, step: tuple[int, int, int]) -> Tensor:
    """Maxima: of pixels that do not overlap within the section, of voxels that do through it."""
    return functional.max_pool3d(x, step) if step[0] == 1 else functional.max_pool3d(x, 3, step, 1)
