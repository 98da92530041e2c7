"""3D U-Net (Çiçek et al. 2016): of each pair of convolutions the second doubles the channels.

With three input channels and three targets it has the 19,069,955 weights of the paper, and 5,568 more of its
normalisation and of the biases of its upsampling, which the paper does not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from napari_emseg.nn.models.sizes import cut, padded

if TYPE_CHECKING:
    from torch import Tensor


class UNet3D(nn.Module):
    """Same-padded 3D U-Net.

    Parameters
    ----------
    sections : int
        Input channels: 1.
    targets : int
        Output channels (logits).
    width : int
        Channels of the first convolution.
    depth : int
        Levels.
    flat : int
        Levels, from the top, that are halved in y and x only, for thick sections.
    """

    dims = 3

    def __init__(
        self, sections: int = 1, targets: int = 1, width: int = 32, depth: int = 4, flat: int = 0
    ) -> None:
        super().__init__()
        pools = depth - 1
        self.steps = [(1, 2, 2) if level < flat else (2, 2, 2) for level in range(pools)]
        self.divisor = (2 ** max(0, pools - flat), 2**pools, 2**pools)
        ends = [2 * width * 2**n for n in range(depth)]
        self.encoder = nn.ModuleList(
            _pair(sections if n == 0 else ends[n - 1], end // 2, end) for n, end in enumerate(ends)
        )
        self.lift = nn.ModuleList(
            nn.ConvTranspose3d(ends[n + 1], ends[n + 1], step, step) for n, step in enumerate(self.steps)
        )
        self.decoder = nn.ModuleList(_pair(ends[n] + ends[n + 1], ends[n], ends[n]) for n in range(pools))
        self.out = nn.Conv3d(ends[0], targets, 1)

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
            y = block(torch.cat((lift(y), skips.pop()), 1))
        return cut(self.out(y), size)


def _pair(channels_in: int, middle: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels_in, middle, 3, padding=1),
        nn.BatchNorm3d(middle),
        nn.ReLU(),
        nn.Conv3d(middle, channels, 3, padding=1),
        nn.BatchNorm3d(channels),
        nn.ReLU(),
    )
