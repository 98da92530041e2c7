"""V-Net in two and three dimensions, its depthwise-separable form, and one with Inception-style downsampling.

Milletari, Navab, Ahmadi 2016: residual stages of 1, 2, 3, 3 convolutions, strided convolutions instead of pooling,
PReLU with one slope a channel. Separable convolutions after Chollet 2017, with their pointwise half; Inception-style
reduction after Szegedy et al. 2016.
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

Kind = Literal["plain", "separable", "inception"]
_CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def _same(dims: int, channels_in: int, channels: int, kernel: int, kind: Kind) -> nn.Module:
    """Same-padded convolution, as a depthwise and a pointwise one where it is to be separable."""
    made = _CONVOLUTION[dims]
    if kind != "separable" or channels_in == 1:
        return made(channels_in, channels, kernel, padding=kernel // 2)
    return nn.Sequential(
        made(channels_in, channels_in, kernel, padding=kernel // 2, groups=channels_in, bias=False),
        made(channels_in, channels, 1),
    )


class Stage(nn.Module):
    """Convolutions with PReLU; the input is added before the last PReLU, with channels of zeros if it has fewer."""

    def __init__(
        self, dims: int, channels_in: int, channels: int, count: int, kernel: int, kind: Kind
    ) -> None:
        super().__init__()
        self.body = nn.ModuleList(
            nn.Sequential(
                _same(dims, channels_in if n == 0 else channels, channels, kernel, kind),
                _NORM[dims](channels),
            )
            for n in range(count)
        )
        self.act = nn.ModuleList(nn.PReLU(channels) for _ in range(count))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, ...) to (batch, channels, ...)."""
        y = x
        for n, (block, act) in enumerate(zip(self.body, self.act, strict=True), 1):
            y = block(y)
            if n == len(self.body):
                y = y + with_channels(x, y.shape[1])
            y = act(y)
        return y


def with_channels(x: Tensor, channels: int) -> Tensor:
    """The same with channels of zeros added, or, where it has more, with the mean of groups of them."""
    have = x.shape[1]
    if have == channels:
        return x
    if have < channels:
        return functional.pad(x, (*(0, 0) * (x.ndim - 2), 0, channels - have))
    groups = have // channels
    return x[:, : groups * channels].reshape(x.shape[0], channels, groups, *x.shape[2:]).mean(2)


class Reduction(nn.Module):
    """Halve the extent: by a strided convolution, or by strided branches of several reaches side by side."""

    def __init__(self, dims: int, channels_in: int, channels: int, kind: Kind) -> None:
        super().__init__()
        made = _CONVOLUTION[dims]
        self.pool = functional.max_pool2d if dims == 2 else functional.max_pool3d
        self.branches = nn.ModuleList()
        if kind == "inception":
            third = channels // 3
            self.branches.append(made(channels_in, third, 3, 2, 1))
            self.branches.append(
                nn.Sequential(made(channels_in, third, 1), nn.PReLU(third), made(third, third, 5, 2, 2))
            )
            self.branches.append(made(channels_in, channels - 2 * third, 1))
        else:
            self.branches.append(made(channels_in, channels, 2, 2))
        self.norm, self.act = _NORM[dims](channels), nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, ...) to (batch, channels, half ...)."""
        if len(self.branches) == 1:
            y = self.branches[0](x)
        else:
            y = torch.cat([self.branches[0](x), self.branches[1](x), self.branches[2](self.pool(x, 2))], 1)
        found: Tensor = self.act(self.norm(y))
        return found


class VNet(nn.Module):
    """V-Net; stages of the second half are as wide as those of the first, where the paper's stay as wide as what is joined there.

    Parameters
    ----------
    sections, targets : int
    widths : sequence of int
    kernel : int
        Extent of the convolutions.
    kind : {"plain", "separable", "inception"}
    dims : {2, 3}
    """

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        widths: Sequence[int] = (16, 32, 64, 128, 256),
        kernel: int = 5,
        kind: Kind = "plain",
        dims: int = 2,
    ) -> None:
        super().__init__()
        self.dims = dims
        step = 2 ** (len(widths) - 1)
        self._divisors = (step,) * dims
        self.divisor = step if dims == 2 else self._divisors
        counts = [min(n + 1, 3) for n in range(len(widths))]
        self.encoder = nn.ModuleList(
            Stage(dims, sections if n == 0 else w, w, counts[n], kernel, kind) for n, w in enumerate(widths)
        )
        self.down = nn.ModuleList(Reduction(dims, a, b, kind) for a, b in pairwise(widths))
        self.lift = nn.ModuleList(
            nn.Sequential(_TRANSPOSED[dims](b, a, 2, 2), _NORM[dims](a), nn.PReLU(a))
            for a, b in pairwise(widths)
        )
        self.decoder = nn.ModuleList(
            Stage(dims, 2 * w, w, counts[n], kernel, kind) for n, w in enumerate(widths[:-1])
        )
        self.out = _CONVOLUTION[dims](widths[0], targets, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, sections, y, x), or (batch, 1, z, y, x), to logits of the same extent, any size."""
        size = x.shape[2:]
        x = padded(x, self._divisors)
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(self.down[level - 1](x) if level else x)
            skips.append(x)
        y = skips.pop()
        for lift, block in zip(reversed(self.lift), reversed(self.decoder), strict=True):
            y = block(torch.cat((lift(y), skips.pop()), 1))
        return cut(self.out(y), size)


class VNet3D(VNet):
    """3D V-Net: five levels, convolutions of extent 3."""

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        widths: Sequence[int] = (16, 32, 64, 128, 256),
        kernel: int = 3,
        kind: Kind = "plain",
    ) -> None:
        super().__init__(sections, targets, widths, kernel, kind, 3)


class SeparableVNet3D(VNet3D):
    """3D V-Net of depthwise-separable convolutions: a ninth of the weights."""

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        widths: Sequence[int] = (16, 32, 64, 128, 256),
        kernel: int = 3,
    ) -> None:
        super().__init__(sections, targets, widths, kernel, "separable")


class InceptionVNet3D(VNet3D):
    """3D V-Net whose extent is halved by branches of several reaches."""

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        widths: Sequence[int] = (16, 32, 64, 128, 256),
        kernel: int = 3,
    ) -> None:
        super().__init__(sections, targets, widths, kernel, "inception")
