"""3D residual U-Net for anisotropic volumes, with its dilated and its squeeze-and-excitation relatives.

After Lee et al. 2017 (arXiv 1706.00120) as the synapse and axon pipelines used it: residual blocks that stay within
the section at high resolution, skips that are added, trilinear upsampling. With one target, the plain network has
5,940,801 weights, the dilated one 4,821,825.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

from napari_emseg.nn.models.blocks3d import CUBE, FLAT, Activation, Kernel, activation, convolution
from napari_emseg.nn.models.sizes import cut, padded, resized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Stage(nn.Module):
    """A convolution and a residual pair of convolutions."""

    def __init__(self, channels_in: int, channels: int, kernel: Kernel, act: Activation) -> None:
        super().__init__()
        self.enter = convolution(channels_in, channels, kernel, act=act, padding="zeros")
        self.pair = nn.Sequential(
            convolution(channels, channels, kernel, act=act, padding="zeros"),
            convolution(channels, channels, kernel, act="none", padding="zeros"),
        )
        self.act = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, z, y, x) to (batch, channels, z, y, x)."""
        x = self.enter(x)
        y: Tensor = self.act(x + self.pair(x))
        return y


class DilatedStage(nn.Module):
    """A convolution, and four parallel cascades of convolutions with dilations 1; 1, 2; 1, 2, 4; 1, 2, 4, 8, added."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.enter = convolution(channels_in, channels, CUBE, bias=True, padding="zeros")
        self.cascades = nn.ModuleList(
            nn.Sequential(
                *(
                    convolution(
                        channels,
                        channels,
                        FLAT,
                        dilation=2**k,
                        act="elu" if k < last else "none",
                        padding="zeros",
                    )
                    for k in range(last + 1)
                )
            )
            for last in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, z, y, x) to (batch, channels, z, y, x)."""
        x = self.enter(x)
        y = x
        for cascade in self.cascades:
            y = y + cascade(x)
        return functional.elu(y)


class ResidualUNet3D(nn.Module):
    """3D residual U-Net.

    Parameters
    ----------
    sections : int
        Input channels: 1.
    targets : int
        Output channels (logits).
    widths : sequence of int
        Channels of the levels.
    flat : int
        Levels, from the top, that are halved in y and x only and whose blocks stay within the section.
    dilated : bool
        Flat blocks are cascades of dilated convolutions, and everything has ELU instead of ReLU.
    """

    dims = 3

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        widths: Sequence[int] = (32, 64, 96, 128, 160),
        flat: int = 3,
        *,
        dilated: bool = False,
    ) -> None:
        super().__init__()
        pools = len(widths) - 1
        self.steps = [(1, 2, 2) if level < flat else (2, 2, 2) for level in range(pools)]
        self.divisor = (2 ** (pools - flat) if pools > flat else 1, 2**pools, 2**pools)
        act: Activation = "elu" if dilated else "relu"

        def stage(level: int, channels_in: int, channels: int) -> nn.Module:
            if level >= flat:
                return Stage(channels_in, channels, CUBE, act)
            return DilatedStage(channels_in, channels) if dilated else Stage(channels_in, channels, FLAT, act)

        self.encoder = nn.ModuleList(
            stage(level, a, b)
            for level, (a, b) in enumerate(zip((sections, *widths[:-1]), widths, strict=True))
        )
        self.lift = nn.ModuleList(
            nn.Conv3d(b, a, kernel, padding=(kernel[0] // 2, 1, 1))
            for level, (a, b) in enumerate(itertools.pairwise(widths))
            for kernel in [CUBE if dilated or level >= flat else FLAT]
        )
        self.act = activation(act)
        self.decoder = nn.ModuleList(stage(level, a, a) for level, a in enumerate(widths[:-1]))
        kernel = CUBE if dilated else FLAT
        self.out = nn.Conv3d(widths[0], targets, kernel, padding=(kernel[0] // 2, 1, 1))

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
            skip = skips.pop()
            y = block(self.act(skip + lift(resized(y, skip.shape[2:]))))
        return cut(self.out(y), size)


class DilatedUNet3D(ResidualUNet3D):
    """The dilated version, with its own widths."""

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        widths: Sequence[int] = (32, 64, 64, 96, 96),
        flat: int = 3,
    ) -> None:
        super().__init__(sections, targets, widths, flat, dilated=True)
