"""U-Net decoder on an encoder made for classifying images, with the side branch for fine targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from napari_emseg.nn.models.encoders import as_colours, load_encoder_weights, make_encoder
from napari_emseg.nn.models.sizes import cut, padded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Up(nn.Module):
    """Doubled extent, the skip beside it, two convolutions."""

    def __init__(self, channels_in: int, skip: int, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in + skip, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        """(batch, channels_in, y, x) to (batch, channels, 2 y, 2 x)."""
        x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
        found: Tensor = self.body(x if skip is None else torch.cat((x, skip), 1))
        return found


class BackboneUNet(nn.Module):
    """U-Net with an encoder of choice.

    Parameters
    ----------
    sections : int
        One is repeated for the three channels of the encoder; of more, the middle three are seen.
    targets : int
        Output channels (logits).
    encoder : {"resnet18", "resnet34", "resnet50", "resnet101", "vgg16", "darknet53", "plain"}
    widths : sequence of int
        Channels of the decoder, from the bottom.
    encoder_weights : str
        File with weights for the encoder; empty for random ones.
    side_target : int
        Target to which a side branch from a quarter of the resolution is added; -1 for none. It starts at nothing.
    """

    def __init__(
        self,
        sections: int = 3,
        targets: int = 1,
        encoder: str = "resnet34",
        widths: Sequence[int] = (256, 128, 64, 32, 16),
        encoder_weights: str = "",
        side_target: int = -1,
    ) -> None:
        super().__init__()
        del sections  # whatever there is becomes three channels
        self.encoder = make_encoder(encoder)
        if encoder_weights:
            load_encoder_weights(self.encoder, encoder_weights)
        strides, have = self.encoder.strides, list(self.encoder.widths)
        self.divisor = strides[-1]
        self._ups = self.divisor.bit_length() - 1
        channels = have.pop()
        at = dict(zip(strides[:-1], have, strict=True))
        self._skips = [2 ** (self._ups - 1 - n) for n in range(self._ups)]
        blocks = []
        for n, stride in enumerate(self._skips):
            width = widths[min(n, len(widths) - 1)]
            blocks.append(Up(channels, at.get(stride, 0), width))
            channels = width
        self.decoder = nn.ModuleList(blocks)
        self.out = nn.Conv2d(channels, targets, 1)
        self.side_target = side_target
        self.side: nn.ConvTranspose2d | None = None
        if side_target >= 0:
            quarter = widths[min(self._skips.index(4), len(widths) - 1)]
            self.side = nn.ConvTranspose2d(quarter, 1, 4, 4)
            nn.init.zeros_(self.side.weight)
            nn.init.zeros_(self.side.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(batch, sections, y, x) to logits (batch, targets, y, x), any size."""
        size = x.shape[2:]
        found = self.encoder(as_colours(padded(x, (self.divisor, self.divisor))))
        at = dict(zip(self.encoder.strides[:-1], found[:-1], strict=True))
        y, quarter = found[-1], found[-1]
        for block, stride in zip(self.decoder, self._skips, strict=True):
            y = block(y, at.get(stride))
            if stride == 4:
                quarter = y
        logits = self.out(y)
        if self.side is not None:
            channels = list(torch.split(logits, 1, 1))
            channels[self.side_target] = channels[self.side_target] + self.side(quarter)
            logits = torch.cat(channels, 1)
        return cut(logits, size)


class TwoBranchUNet(BackboneUNet):
    """U-Net with a side branch from a quarter of the resolution that is added to one target."""

    def __init__(
        self,
        sections: int = 3,
        targets: int = 1,
        encoder: str = "plain",
        widths: Sequence[int] = (256, 128, 64, 32, 16),
        encoder_weights: str = "",
        side_target: int = 0,
    ) -> None:
        super().__init__(sections, targets, encoder, widths, encoder_weights, side_target)
