"""Image-classification networks as encoders: ResNet and VGG, with torchvision's names for their weights.

Weights start at random. A file of weights that were trained elsewhere (safetensors, or a state dict of tensors alone)
is loaded by name, see `load_encoder_weights`; nothing is downloaded.

He et al. 2016 (ResNet), Simonyan & Zisserman 2015 (VGG), Redmon & Farhadi 2018 (Darknet).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from torch import Tensor

RESNETS: dict[str, tuple[bool, tuple[int, int, int, int]]] = {
    "resnet18": (False, (2, 2, 2, 2)),
    "resnet34": (False, (3, 4, 6, 3)),
    "resnet50": (True, (3, 4, 6, 3)),
    "resnet101": (True, (3, 4, 23, 3)),
}
"""Name to (has bottlenecks, blocks per stage)."""

ENCODERS = (*RESNETS, "vgg16", "darknet53", "plain")
COLOURS = 3


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions."""

    expansion = 1

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(channels_in, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, y, x) to (batch, channels, y / stride, x / stride)."""
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class BottleneckBlock(nn.Module):
    """1 x 1, 3 x 3, 1 x 1."""

    expansion = 4

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.downsample = _shortcut(channels_in, 4 * channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, y, x) to (batch, 4 channels, y / stride, x / stride)."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


def _shortcut(channels_in: int, channels: int, stride: int) -> nn.Module | None:
    if stride == 1 and channels_in == channels:
        return None
    return nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))


class ResNet(nn.Module):
    """ResNet without its classifier.

    Parameters
    ----------
    name : str
        One of `RESNETS`.
    stages : int
        How many of the four stages there are, from the finest.
    """

    def __init__(self, name: str, *, stages: int = 4) -> None:
        super().__init__()
        deep, counts = RESNETS[name]
        block = BottleneckBlock if deep else BasicBlock
        self.stages = stages
        self.conv1 = nn.Conv2d(COLOURS, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for n, count in enumerate(counts[:stages]):
            width, stage = 64 * 2**n, []
            for k in range(count):
                stage.append(block(channels, width, 2 if k == 0 and n else 1))
                channels = width * block.expansion
            setattr(self, f"layer{n + 1}", nn.Sequential(*stage))
        self.widths = (64, *(64 * 2**n * block.expansion for n in range(stages)))
        self.strides = (2, 4, 8, 16, 32)[: stages + 1]

    def forward(self, x: Tensor) -> list[Tensor]:
        """(batch, 3, y, x) to features at 1/2, 1/4, 1/8, 1/16, 1/32 of the resolution."""
        x = functional.relu(self.bn1(self.conv1(x)))
        found = [x]
        x = functional.max_pool2d(x, 3, 2, 1)
        for n in range(self.stages):
            x = getattr(self, f"layer{n + 1}")(x)
            found.append(x)
        return found


class VGG(nn.Module):
    """VGG-16 without its classifier, as five blocks of convolutions."""

    strides = (1, 2, 4, 8, 16)

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.ends: list[int] = []
        channels = COLOURS
        for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
            for _ in range(count):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            self.ends.append(len(layers))
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[:-1])
        self.widths = (64, 128, 256, 512, 512)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(batch, 3, y, x) to features at 1, 1/2, 1/4, 1/8, 1/16 of the resolution."""
        found = []
        for n, layer in enumerate(self.features, 1):
            x = layer(x)
            if n in self.ends:
                found.append(x)
        return found


class Darknet(nn.Module):
    """Darknet-53 without its classifier, or, with one block a stage, a plain small encoder."""

    def __init__(self, counts: tuple[int, ...] = (1, 2, 8, 8, 4), width: int = 32) -> None:
        super().__init__()
        self.stem = _leaky(COLOURS, width, 3)
        self.stages = nn.ModuleList(
            nn.Sequential(
                _leaky(width * 2**n, width * 2 ** (n + 1), 3, stride=2),
                *(_DarkBlock(width * 2 ** (n + 1)) for _ in range(count)),
            )
            for n, count in enumerate(counts)
        )
        self.widths = tuple(width * 2**n for n in range(len(counts) + 1))
        self.strides = tuple(2**n for n in range(len(counts) + 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        """(batch, 3, y, x) to features at 1, 1/2, 1/4 ... of the resolution."""
        found = [self.stem(x)]
        for stage in self.stages:
            found.append(stage(found[-1]))
        return found


class _DarkBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_leaky(channels, channels // 2, 1), _leaky(channels // 2, channels, 3))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.body(x)
        return y


def _leaky(channels_in: int, channels: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(channels),
        nn.LeakyReLU(0.1),
    )


def make_encoder(name: str) -> ResNet | VGG | Darknet:
    """An encoder with random weights.

    Raises
    ------
    EmsegError
        If there is none of this name.
    """
    if name in RESNETS:
        return ResNet(name)
    if name == "vgg16":
        return VGG()
    if name == "darknet53":
        return Darknet()
    if name == "plain":
        return Darknet((1, 1, 1, 1), 16)
    raise EmsegError("unknown encoder", name, f"choose one of: {', '.join(ENCODERS)}")


def load_encoder_weights(encoder: nn.Module, path: str | Path) -> tuple[str, ...]:
    """Take over weights by name and shape; the names of those of the encoder that were not there.

    Parameters
    ----------
    path : path
        ``.safetensors``, or a torch file that holds tensors alone; anything else in it is refused.

    Raises
    ------
    EmsegError
        If the file is not safe to read, or nothing in it fits.
    """
    from napari_emseg.nn.foreign import read_weights

    given, own = read_weights(Path(path)), encoder.state_dict()
    fits = {k: v for k, v in given.items() if k in own and own[k].shape == v.shape}
    if not fits:
        raise EmsegError(
            "none of its weights fit the encoder", str(path), "choose weights of the same network"
        )
    encoder.load_state_dict(own | fits)
    return tuple(sorted(own.keys() - fits.keys()))


def as_colours(x: Tensor) -> Tensor:
    """Three channels from one section (repeated), three sections, or the middle three of more."""
    sections = x.shape[1]
    if sections == 1:
        return x.expand(-1, COLOURS, -1, -1)
    middle = sections // 2
    return x if sections == COLOURS else torch.cat([x[:, middle + d : middle + d + 1] for d in (-1, 0, 1)], 1)
