"""LinkNet and D-LinkNet: a ResNet encoder, a light decoder, skips that are added.

Chaurasia & Culurciello 2017; Zhou, Zhang, Wu 2018 (D-LinkNet: dilated convolutions in the centre). With a ResNet-34
and one target D-LinkNet has 31,096,129 weights, LinkNet 21,642,401; D-LinkNet-50 has 217,645,089. "Less pool" is one
of the layouts that the authors of D-LinkNet published with it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

from napari_emseg.core.errors import EmsegError
from napari_emseg.nn.models.encoders import RESNETS, ResNet, as_colours, load_encoder_weights
from napari_emseg.nn.models.sizes import cut, padded

if TYPE_CHECKING:
    from torch import Tensor


class DecoderBlock(nn.Module):
    """1 x 1 to a quarter of the channels, transposed 3 x 3 of stride 2, 1 x 1."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        narrow = channels_in // 4
        self.conv1 = nn.Conv2d(channels_in, narrow, 1)
        self.norm1 = nn.BatchNorm2d(narrow)
        self.deconv2 = nn.ConvTranspose2d(narrow, narrow, 3, stride=2, padding=1, output_padding=1)
        self.norm2 = nn.BatchNorm2d(narrow)
        self.conv3 = nn.Conv2d(narrow, channels, 1)
        self.norm3 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, y, x) to (batch, channels, 2 y, 2 x)."""
        x = functional.relu(self.norm1(self.conv1(x)))
        x = functional.relu(self.norm2(self.deconv2(x)))
        return functional.relu(self.norm3(self.conv3(x)))


class DilatedCentre(nn.Module):
    """A cascade of dilated convolutions; the input and every step are added."""

    def __init__(self, channels: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.steps = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=d, dilation=d) for d in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape."""
        total, step = x, x
        for convolution in self.steps:
            step = functional.relu(convolution(step))
            total = total + step
        return total


class LinkNet(nn.Module):
    """LinkNet with a ResNet encoder.

    Parameters
    ----------
    sections : int
        One is repeated for the three channels of the encoder; of more, the middle three are seen.
    targets : int
        Output channels (logits).
    encoder : str
        "resnet18", "resnet34", "resnet50" or "resnet101".
    dilated : bool
        With the dilated centre of D-LinkNet.
    less_pool : bool
        Without the deepest stage of the encoder, and so halved once less, for fine structures; the dilated centre then
        has a dilation of 16 as well.
    encoder_weights : str
        File with weights for the encoder; empty for random ones.
    """

    def __init__(
        self,
        sections: int = 3,
        targets: int = 1,
        encoder: str = "resnet34",
        *,
        dilated: bool = False,
        less_pool: bool = False,
        encoder_weights: str = "",
    ) -> None:
        super().__init__()
        del sections  # whatever there is becomes three channels
        if encoder not in RESNETS:
            raise EmsegError("unknown encoder", encoder, f"choose one of: {', '.join(RESNETS)}")
        self.encoder = ResNet(encoder, stages=3 if less_pool else 4)
        if encoder_weights:
            load_encoder_weights(self.encoder, encoder_weights)
        widths = self.encoder.widths[1:]
        self.divisor = 16 if less_pool else 32
        dilations = (1, 2, 4, 8) if widths[-1] == 512 else (1, 2, 4, 8, 16)
        self.centre = DilatedCentre(widths[-1], dilations) if dilated else nn.Identity()
        self.decoder = nn.ModuleList(DecoderBlock(b, a) for a, b in reversed(list(pairwise(widths))))
        w1 = widths[0]
        self.last = DecoderBlock(w1, w1)
        if dilated:
            self.expand = nn.ConvTranspose2d(w1, 32, 4, 2, 1)
            self.fine = nn.Conv2d(32, 32, 3, padding=1)
            self.out = nn.Conv2d(32, targets, 3, padding=1)
        else:  # 2 n + 1, then 2 n - 1, then 2 n pixels, as published
            self.expand = nn.ConvTranspose2d(w1, 32, 3, 2)
            self.fine = nn.Conv2d(32, 32, 3)
            self.out = nn.Conv2d(32, targets, 2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, sections, y, x) to logits (batch, targets, y, x), any size."""
        size = x.shape[2:]
        _, *skips = self.encoder(as_colours(padded(x, (self.divisor, self.divisor))))
        y = self.centre(skips.pop())
        for block in self.decoder:
            y = block(y) + skips.pop()
        y = functional.relu(self.expand(self.last(y)))
        y = functional.relu(self.fine(y))
        return cut(self.out(y), size)


class DLinkNet(LinkNet):
    """LinkNet with a dilated centre."""

    def __init__(
        self,
        sections: int = 3,
        targets: int = 1,
        encoder: str = "resnet34",
        *,
        less_pool: bool = False,
        encoder_weights: str = "",
    ) -> None:
        super().__init__(
            sections, targets, encoder, dilated=True, less_pool=less_pool, encoder_weights=encoder_weights
        )
