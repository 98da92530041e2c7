"""The U-Net with same-padded convolutions (Ronneberger et al. 2015, as it is mostly used today).

With the default widths, batch normalisation and one target it has 31,042,369 weights.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn
from torch.nn import functional

from napari_emseg.nn.models.sizes import cut, padded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

Norm = Literal["batch", "group", "none"]
_GROUPS = 8


def normalisation(kind: Norm, channels: int) -> nn.Module:
    """A 2D normalisation layer. Group normalisation depends on the whole tile; batch normalisation does not."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.GroupNorm(min(_GROUPS, channels), channels) if kind == "group" else nn.Identity()


class DoubleConvolution(nn.Module):
    """Two 3 x 3 convolutions, each normalised and rectified; a residual one adds its input, projected if it must."""

    def __init__(
        self, channels_in: int, channels: int, norm: Norm, *, residual: bool = False, padding: int = 1
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels, 3, padding=padding)
        self.first_norm = normalisation(norm, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=padding)
        self.second_norm = normalisation(norm, channels)
        self.residual = residual
        self.project = nn.Conv2d(channels_in, channels, 1) if residual and channels_in != channels else None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, y, x) to (batch, channels, y, x)."""
        y = functional.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        if self.residual:
            y = y + (x if self.project is None else self.project(x))
        return functional.relu(y)


class UNet(nn.Module):
    """Same-padded U-Net.

    Parameters
    ----------
    sections : int
        Sections that it sees.
    targets : int
        Output channels (logits).
    widths : sequence of int
        Channels at full resolution, one half, one quarter ...
    norm : {"batch", "group", "none"}
    residual : bool
        Blocks add their input to their output.
    dropout : float
        Of channels at the deepest level.
    deep : int
        Deep supervision: in training, so many coarser decoder levels give logits of their own as well.
    """

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        widths: Sequence[int] = (64, 128, 256, 512, 1024),
        norm: Norm = "batch",
        *,
        residual: bool = False,
        dropout: float = 0.0,
        deep: int = 0,
    ) -> None:
        super().__init__()
        self.divisor = 2 ** (len(widths) - 1)
        self.encoder = nn.ModuleList(
            DoubleConvolution(a, b, norm, residual=residual)
            for a, b in zip((sections, *widths[:-1]), widths, strict=True)
        )
        self.dropout = nn.Dropout2d(dropout)
        self.lift = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairwise(widths))
        self.decoder = nn.ModuleList(
            DoubleConvolution(2 * a, a, norm, residual=residual) for a in widths[:-1]
        )
        self.out = nn.Conv2d(widths[0], targets, 1)
        self.side = nn.ModuleList(nn.Conv2d(a, targets, 1) for a in widths[1 : deep + 1])

    def features(self, x: Tensor) -> list[Tensor]:
        """Decoder features from full resolution downwards; the input must be a multiple of ``divisor``."""
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        y = self.dropout(skips.pop())
        found = [y]
        for lift, block in zip(reversed(self.lift), reversed(self.decoder), strict=True):
            y = block(torch.cat((lift(y), skips.pop()), 1))
            found.append(y)
        return found[::-1]

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(batch, sections, y, x) to logits (batch, targets, y, x), any size; in training perhaps coarser ones too."""
        size = x.shape[2:]
        levels = self.features(padded(x, (self.divisor, self.divisor)))
        logits = cut(self.out(levels[0]), size)
        if not (self.training and len(self.side)):
            return logits
        coarse = [head(y) for head, y in zip(self.side, levels[1:], strict=False)]
        return (logits, *(cut(c, [-(-n // 2 ** (k + 1)) for n in size]) for k, c in enumerate(coarse)))
