"""3D U-Net with valid convolutions and PReLU, as used for signed proximity to synapses.

The answer is smaller than the input; missing context beyond a block is mirrored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from napari_emseg.nn.models.sizes import centred, cut

if TYPE_CHECKING:
    from torch import Tensor


class ValidUNet3D(nn.Module):
    """3D U-Net with valid convolutions.

    Parameters
    ----------
    sections : int
        Input channels: 1.
    targets : int
        Output channels.
    width : int
        Channels of the first level; they double downwards.
    depth : int
        Levels; all are halved in y and x only.
    """

    dims = 3
    divisor = (1, 1, 1)

    def __init__(self, sections: int = 1, targets: int = 1, width: int = 22, depth: int = 4) -> None:
        super().__init__()
        widths = [width * 2**n for n in range(depth)]
        self.encoder = nn.ModuleList(
            _pair(sections if n == 0 else widths[n - 1], w) for n, w in enumerate(widths)
        )
        self.lift = nn.ModuleList(
            nn.ConvTranspose3d(widths[n + 1], widths[n], (1, 2, 2), (1, 2, 2)) for n in range(depth - 1)
        )
        self.decoder = nn.ModuleList(_pair(2 * widths[n], widths[n]) for n in range(depth - 1))
        self.out = nn.Conv3d(width, targets, 1)

    def sizes(self, wanted: tuple[int, int, int]) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """Input extent for at least this output extent, and the output extent that it gives, (z, y, x)."""
        depth = len(self.encoder)
        z_loss = 4 * (2 * depth - 1)
        needed, given = [wanted[0] + z_loss], [wanted[0]]
        for extent in wanted[1:]:
            deepest = extent
            for _ in range(depth - 1):
                deepest = -(-(deepest + 4) // 2)
            out, size = deepest, deepest + 4
            for _ in range(depth - 1):
                out, size = 2 * out - 4, 2 * size + 4
            needed.append(size)
            given.append(out)
        return (needed[0], needed[1], needed[2]), (given[0], given[1], given[2])

    def valid(self, x: Tensor) -> Tensor:
        """Logits of the middle of the input, without any padding."""
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(functional.max_pool3d(x, (1, 2, 2)) if level else x)
            skips.append(x)
        y = skips.pop()
        for lift, block in zip(reversed(self.lift), reversed(self.decoder), strict=True):
            y = lift(y)
            y = block(torch.cat((centred(skips.pop(), y.shape[2:]), y), 1))
        logits: Tensor = self.out(y)
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, z, y, x) to logits (batch, targets, z, y, x) of the same extent."""
        size = (x.shape[2], x.shape[3], x.shape[4])
        needed, given = self.sizes(size)
        before = [(n - g) // 2 for n, g in zip(needed, given, strict=True)]
        pads = [(b, n - s - b) for b, n, s in zip(before, needed, size, strict=True)]
        for axis, (low, high) in enumerate(pads, 2):
            n = x.shape[axis]
            period = max(1, 2 * n - 2)
            at = torch.arange(-low, n + high, device=x.device).abs() % period
            x = x.index_select(axis, torch.where(at >= n, period - at, at).clamp(max=n - 1))
        return cut(self.valid(x), size)


def _pair(channels_in: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels_in, channels, 3),
        nn.PReLU(channels),
        nn.Conv3d(channels, channels, 3),
        nn.PReLU(channels),
    )
