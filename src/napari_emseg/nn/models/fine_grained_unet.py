"""Fine-grained U-Net of two inputs: what surrounds a place at half the resolution, and the place itself.

Both go through one U-Net with the same weights; the coarse answer is cut and enlarged to lie on the fine one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from napari_emseg.nn.models.sizes import cut, padded, resized
from napari_emseg.nn.models.unet import UNet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class FineGrainedUNet(nn.Module):
    """Two views, one set of weights.

    Parameters
    ----------
    sections : int
        Sections that it sees.
    targets : int
        Output channels (logits).
    widths : sequence of int
        Of the shared U-Net.
    coarse : int
        By how much the surroundings are reduced.
    """

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        widths: Sequence[int] = (32, 64, 128, 256),
        coarse: int = 2,
    ) -> None:
        super().__init__()
        self.shared = UNet(sections, targets, widths)
        self.coarse = coarse
        self.divisor = self.shared.divisor * coarse
        self.fuse = nn.Conv2d(2 * widths[0], widths[0], 3, padding=1)
        self.out = nn.Conv2d(widths[0], targets, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, sections, y, x) to logits (batch, targets, y, x), any size: the tile is its own surroundings."""
        size = x.shape[2:]
        x = padded(x, (self.divisor, self.divisor))
        return cut(self.two_views(x, functional.avg_pool2d(x, self.coarse)), size)

    def two_views(self, roi: Tensor, full: Tensor) -> Tensor:
        """Logits of a region, given its surroundings.

        Parameters
        ----------
        roi : Tensor (batch, sections, y, x)
            The region at full resolution; a multiple of the U-Net's divisor.
        full : Tensor (batch, sections, Y, X)
            What surrounds it, reduced by ``coarse``, with the region in its middle; likewise.
        """
        fine = self.shared.features(roi)[0]
        around = self.shared.features(full)[0]
        inner = [n // self.coarse for n in roi.shape[2:]]
        start = [(have - want) // 2 for have, want in zip(full.shape[2:], inner, strict=True)]
        around = around[..., start[0] : start[0] + inner[0], start[1] : start[1] + inner[1]]
        y = torch.cat((fine, resized(around, roi.shape[2:])), 1)
        logits: Tensor = self.out(functional.relu(self.fuse(y)))
        return logits
