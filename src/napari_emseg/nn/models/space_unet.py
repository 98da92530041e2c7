"""A U-Net that serves clicks on two CPU cores.

The first step trades resolution for channels without losing a pixel (space-to-depth), so that most of the
arithmetic happens at half resolution with enough channels to fill the vector units, and a thin head beside
the raw pixels restores the full resolution (depth-to-space, after Shi et al. 2016). Encoder and decoder are
the U-Net's (Ronneberger et al. 2015) with residual blocks. Batch normalisation, not group or instance
normalisation, because its frozen statistics make the answer for a pixel independent of the rest of a tile.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, momentum=0.05)


class Block(nn.Module):
    """Two 3x3 convolutions with batch normalisation beside a 1x1 shortcut."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
        self.first_norm = _norm(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = _norm(channels)
        self.shortcut = nn.Conv2d(channels_in, channels, 1, bias=False) if channels_in != channels else None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, y, x) to (batch, channels, y, x)."""
        y = functional.relu(self.first_norm(self.first(x)), inplace=True)
        y = self.second_norm(self.second(y))
        y = y + (x if self.shortcut is None else self.shortcut(x))
        return functional.relu(y, inplace=True)


class SpaceUNet(nn.Module):
    """U-Net at half resolution with a thin full-resolution head.

    Parameters
    ----------
    sections : int
        Sections that it sees: the middle one and its neighbours.
    targets : int
        Output channels (logits).
    widths : sequence of int
        Channels at 1/2, 1/4, 1/8 ... of the resolution.
    head : int
        Channels at full resolution.
    dropout : float
        Chance that a channel of the deepest level is dropped in training.
    """

    def __init__(
        self,
        sections: int = 3,
        targets: int = 1,
        widths: Sequence[int] = (32, 64, 96, 128),
        head: int = 8,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.divisor = 2 ** len(widths)
        self.middle = sections // 2
        self.encoder = nn.ModuleList(
            Block(a, b) for a, b in zip((4 * sections, *widths[:-1]), widths, strict=True)
        )
        self.dropout = nn.Dropout2d(dropout)
        self.lift = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.decoder = nn.ModuleList(Block(2 * a, a) for a in widths[:-1])
        self.expand = nn.Conv2d(widths[0], 4 * head, 1)
        self.fine = nn.Conv2d(head + 1, 2 * head, 3, padding=1, bias=False)
        self.fine_norm = _norm(2 * head)
        self.out = nn.Conv2d(2 * head, targets, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, sections, y, x) at mean 0 and standard deviation 1 to logits (batch, targets, y, x).

        Any size: it is mirrored up to a multiple of ``divisor`` and cut back.
        """
        height, width = x.shape[-2:]
        down, right = -height % self.divisor, -width % self.divisor
        if down or right:
            mode = "reflect" if down < height and right < width else "replicate"
            x = functional.pad(x, (0, right, 0, down), mode=mode)
        raw = x[:, self.middle : self.middle + 1]
        y = functional.pixel_unshuffle(x, 2)
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            y = block(functional.max_pool2d(y, 2) if level else y)
            skips.append(y)
        y = self.dropout(skips.pop())
        for lift, block in zip(reversed(self.lift), reversed(self.decoder), strict=True):
            y = functional.interpolate(lift(y), scale_factor=2, mode="bilinear", align_corners=False)
            y = block(torch.cat((y, skips.pop()), 1))
        y = functional.pixel_shuffle(self.expand(y), 2)
        y = functional.relu(self.fine_norm(self.fine(torch.cat((y, raw), 1))), inplace=True)
        logits: Tensor = self.out(y)
        return logits[..., :height, :width]
