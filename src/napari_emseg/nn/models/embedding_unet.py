"""2D U-Net with bilinear upsampling whose output may be an embedding of every pixel (7,781,761 weights)."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from napari_emseg.nn.models.sizes import cut, padded, resized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class EmbeddingUNet(nn.Module):
    """Same-padded U-Net without normalisation.

    Parameters
    ----------
    sections : int
        Sections that it sees.
    targets : int
        Output channels: logits, or the length of the embedding of a pixel.
    widths : sequence of int
    """

    def __init__(
        self, sections: int = 1, targets: int = 1, widths: Sequence[int] = (64, 128, 256, 512)
    ) -> None:
        super().__init__()
        self.divisor = 2 ** (len(widths) - 1)
        self.encoder = nn.ModuleList(
            _pair(a, b) for a, b in zip((sections, *widths[:-1]), widths, strict=True)
        )
        self.decoder = nn.ModuleList(_pair(a + b, a) for a, b in itertools.pairwise(widths))
        self.out = nn.Conv2d(widths[0], targets, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, sections, y, x) to (batch, targets, y, x), any size."""
        size = x.shape[2:]
        x = padded(x, (self.divisor, self.divisor))
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        y = skips.pop()
        for block in reversed(self.decoder):
            skip = skips.pop()
            y = block(torch.cat((resized(y, skip.shape[2:]), skip), 1))
        return cut(self.out(y), size)


def _pair(channels_in: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(),
    )
