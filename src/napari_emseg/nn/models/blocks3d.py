"""Building blocks of networks for anisotropic volumes: sections are much thicker than pixels are wide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

Kernel = tuple[int, int, int]
FLAT: Kernel = (1, 3, 3)
CUBE: Kernel = (3, 3, 3)
Activation = Literal["relu", "elu", "prelu", "none"]


def activation(kind: Activation, channels: int = 1) -> nn.Module:
    """An activation layer; PReLU has one slope a channel, whatever the size of the picture."""
    kinds = {"relu": nn.ReLU, "elu": nn.ELU, "none": nn.Identity}
    return nn.PReLU(channels) if kind == "prelu" else kinds[kind]()


def convolution(
    channels_in: int,
    channels: int,
    kernel: Kernel = CUBE,
    *,
    act: Activation = "elu",
    dilation: int = 1,
    bias: bool = False,
    padding: Literal["zeros", "replicate"] = "replicate",
) -> nn.Sequential:
    """Same-padded 3D convolution, batch normalisation, activation; dilated in the plane of the section only."""
    dilations = (1, dilation, dilation)
    same = (kernel[0] // 2, dilation * (kernel[1] // 2), dilation * (kernel[2] // 2))
    layers: list[nn.Module] = [
        nn.Conv3d(
            channels_in, channels, kernel, padding=same, dilation=dilations, bias=bias, padding_mode=padding
        ),
        nn.BatchNorm3d(channels),
    ]
    if act != "none":
        layers.append(activation(act, channels))
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """Two convolutions beside a shortcut, which is projected where the number of channels changes or it is asked for."""

    def __init__(
        self, channels_in: int, channels: int, kernel: Kernel = CUBE, *, project: bool = False
    ) -> None:
        super().__init__()
        self.first = convolution(channels_in, channels, kernel)
        self.second = convolution(channels, channels, kernel, act="none")
        needed = project or channels_in != channels
        self.project = convolution(channels_in, channels, (1, 1, 1), act="none") if needed else None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, z, y, x) to (batch, channels, z, y, x)."""
        return functional.elu(self.second(self.first(x)) + (x if self.project is None else self.project(x)))


class Bottleneck(nn.Module):
    """1 x 1 x 1, dilated 3 x 3 x 3, 1 x 1 x 1 beside a projected shortcut."""

    def __init__(self, channels_in: int, channels: int, dilation: int = 2) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(channels_in, channels, (1, 1, 1)),
            convolution(channels, channels, CUBE, dilation=dilation),
            convolution(channels, channels, (1, 1, 1), act="none"),
        )
        self.project = convolution(channels_in, channels, (1, 1, 1), act="none")

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, z, y, x) to (batch, channels, z, y, x)."""
        return functional.elu(self.body(x) + self.project(x))


def _means(x: Tensor, patch: tuple[int, int, int]) -> Tensor:
    """Means over patches; those at the end are as large as there is room."""
    fitting = tuple(min(p, n) for p, n in zip(patch, x.shape[2:], strict=True))
    return functional.avg_pool3d(x, fitting, fitting, ceil_mode=True, count_include_pad=False)


def _means_of_any_extent(x: Tensor, patch: tuple[int, int, int]) -> Tensor:
    """The same without a look at the extent, which an exported program would keep for ever."""
    pads = [n for p in reversed(patch) for n in (0, p - 1)]
    total, there = (
        functional.avg_pool3d(functional.pad(values, pads), patch, patch)
        for values in (x, torch.ones_like(x[:1, :1]))
    )
    return total / there


class Squeeze(nn.Module):
    """Squeeze and excitation over patches of the section (Hu et al. 2018, kept local).

    Parameters
    ----------
    channels : int
    reduction : int
        Of channels in the middle.
    patch : int
        Extent in y and x over which is averaged.
    depth : int
        Extent in z.
    """

    def __init__(self, channels: int, reduction: int, patch: int, depth: int = 1) -> None:
        super().__init__()
        self.patch = (depth, patch, patch)
        middle = channels // reduction
        self.down = nn.Conv3d(channels, middle, 1)
        self.down_norm = nn.BatchNorm3d(middle)
        self.up = nn.Conv3d(middle, channels, 1)
        self.up_norm = nn.BatchNorm3d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Scale every channel by something between one and two, of the same shape."""
        is_exported = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        y = (_means_of_any_extent if is_exported else _means)(x, self.patch)
        y = functional.elu(self.down_norm(self.down(y)))
        y = self.up_norm(self.up(y)).sigmoid()
        y = functional.interpolate(y, x.shape[2:], mode="trilinear", align_corners=False)
        return x + x * y
