"""The original U-Net: valid convolutions, and the overlap-tile strategy that makes up for what they lose.

Ronneberger, Fischer, Brox 2015. With one section and one target it has 31,030,593 weights; 572 pixels give 388,
448 give 260. Missing context beyond a tile is mirrored.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn
from torch.nn import functional

from napari_emseg.nn.models.sizes import centred
from napari_emseg.nn.models.unet import DoubleConvolution, Norm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

Decoder = Literal["valid", "same"]


class ValidUNet(nn.Module):
    """U-Net with valid convolutions.

    Parameters
    ----------
    sections, targets : int
    widths : sequence of int
    norm : {"none", "batch", "group"}
    decoder : {"valid", "same"}
        With a same-padded decoder 636 pixels give 512.
    dropout : float
        Of channels at the two deepest levels.
    """

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        widths: Sequence[int] = (64, 128, 256, 512, 1024),
        norm: Norm = "none",
        decoder: Decoder = "valid",
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.levels = len(widths)
        self.divisor = 2 ** (self.levels - 1)
        self._decoder_loss = 4 if decoder == "valid" else 0
        self.encoder = nn.ModuleList(
            DoubleConvolution(a, b, norm, padding=0)
            for a, b in zip((sections, *widths[:-1]), widths, strict=True)
        )
        self.dropout = nn.Dropout2d(dropout)
        self.lift = nn.ModuleList(
            nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in itertools.pairwise(widths)
        )
        padding = 0 if decoder == "valid" else 1
        self.decoder = nn.ModuleList(DoubleConvolution(2 * a, a, norm, padding=padding) for a in widths[:-1])
        self.out = nn.Conv2d(widths[0], targets, 1)

    def sizes(self, wanted: int) -> tuple[int, int]:
        """Input extent for at least this output extent, and the output extent that it gives."""
        deepest = wanted
        for _ in range(self.levels - 1):
            deepest = -(-(deepest + self._decoder_loss) // 2)
        given, needed = deepest, deepest + 4
        for _ in range(self.levels - 1):
            given, needed = 2 * given - self._decoder_loss, 2 * needed + 4
        return needed, given

    def valid(self, x: Tensor) -> Tensor:
        """Logits of the middle of the input, without any padding. The extents must be ones that `sizes` gives."""
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(functional.max_pool2d(x, 2) if level else x)
            if level >= self.levels - 2:
                x = self.dropout(x)
            skips.append(x)
        y = skips.pop()
        for lift, block in zip(reversed(self.lift), reversed(self.decoder), strict=True):
            y = lift(y)
            y = block(torch.cat((centred(skips.pop(), y.shape[2:]), y), 1))
        logits: Tensor = self.out(y)
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """(batch, sections, y, x) to logits (batch, targets, y, x) of the same extent, mirrored beyond its border."""
        size = x.shape[2:]
        plan = [self.sizes(n) for n in size]
        before = [(needed - given) // 2 for needed, given in plan]
        after = [needed - n - b for (needed, _), n, b in zip(plan, size, before, strict=True)]
        pads = [p for b, a in zip(reversed(before), reversed(after), strict=True) for p in (b, a)]
        while any(
            pads
        ):  # a mirror cannot reach further than the image: a small one is mirrored again and again
            now = [min(p, x.shape[3 - i // 2] - 1) for i, p in enumerate(pads)]
            if not any(now):
                x = functional.pad(x, pads, mode="replicate")
                break
            x = functional.pad(x, now, mode="reflect")
            pads = [p - n for p, n in zip(pads, now, strict=True)]
        logits = self.valid(x)
        return logits[..., : size[0], : size[1]]
