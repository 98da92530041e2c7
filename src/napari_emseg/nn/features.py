"""What is known about every pixel: the values of all levels of a network, also of those that see far, and what it looks like."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage as ndi
from torch import nn
from torch.nn import functional

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

_INPUTS_OF = ("out", "expand")
"""Parts of a network whose inputs are features: before the last convolution, and before the fine head."""
_OUTPUTS_OF = ("encoder", "decoder")
"""Lists of blocks whose outputs are features."""
_COARSE = 4
"""Pixels a side of a block whose mean stands for them where it is only asked what a place looks like."""
_SCALES = (1.0, 2.0, 4.0, 8.0)
"""Of such blocks: standard deviations of what is smoothed."""
LOOKS = 4 * len(_SCALES)
"""Values of a pixel, its last ones, that are those of `look_of`."""


@dataclass(frozen=True, eq=False)
class Features:
    """The values of all levels of a network for one section, and those of `look_of`.

    Attributes
    ----------
    levels : tuple of Tensor (channels, rows, columns)
        Every level at its own resolution; all of them cover the same.
    shape : (y, x)
        Of the section.
    extent : (y, x)
        Of what the levels cover, in pixels of the section: networks see sections padded at their ends.
    """

    levels: tuple[Tensor, ...]
    shape: tuple[int, int]
    extent: tuple[int, int]

    @property
    def length(self) -> int:
        """Values of a pixel."""
        return sum(len(level) for level in self.levels)

    def at(self, points: Tensor) -> Tensor:
        """Values at points, interpolated linearly.

        Parameters
        ----------
        points : Tensor (n, 2)
            (y, x) in pixels of the section.

        Returns
        -------
        Tensor (n, length)
            The values of all levels, one after the other.
        """
        places = (points + 0.5) / points.new_tensor(self.extent) * 2 - 1
        grid = places.flip(1)[None, None]
        found = [
            functional.grid_sample(
                level[None], grid.to(level), mode="bilinear", padding_mode="border", align_corners=False
            )
            for level in self.levels
        ]
        return torch.cat([values[0, :, 0].T for values in found], 1).cpu()

    def weighted(self, weights: Tensor) -> Tensor:
        """Sum of the values of every pixel, each times its weight, (y, x), in main memory.

        A level is summed up before it is enlarged, so all values of all pixels are never there at once.

        Parameters
        ----------
        weights : Tensor (length,)
        """
        parts = torch.split(weights, [len(level) for level in self.levels])
        total = self.levels[0].new_zeros(self.shape)
        for level, own in zip(self.levels, parts, strict=True):
            summed = torch.einsum("c,cyx->yx", own.to(level), level)[None, None]
            whole = functional.interpolate(summed, self.extent, mode="bilinear", align_corners=False)
            total += whole[0, 0, : self.shape[0], : self.shape[1]]
        return total.cpu()


@torch.inference_mode()
def features_of(network: nn.Module, window: Tensor) -> Features:
    """What is known about every pixel of a section.

    Parameters
    ----------
    network : nn.Module
        One of `nn.MODELS` for single sections.
    window : Tensor (1, sections, y, x)
        Normalised.

    Raises
    ------
    EmsegError
        If the network has no such layers, or looks at blocks of sections.
    """
    fine: list[Tensor] = []
    seen: list[Tensor] = []
    parts = [getattr(network, name) for name in _INPUTS_OF if hasattr(network, name)]
    hooks = [part.register_forward_pre_hook(lambda _m, inputs: fine.append(inputs[0])) for part in parts]
    for blocks in (getattr(network, name, None) for name in _OUTPUTS_OF):
        for block in blocks if isinstance(blocks, nn.ModuleList) else ():
            hooks.append(block.register_forward_hook(lambda _m, _inputs, output: seen.append(output)))
    try:
        if parts and getattr(network, "dims", 2) == 2:
            network.eval()(window)
    finally:
        for hook in hooks:
            hook.remove()
    full = max((values.shape[2:] for values in fine if values.ndim == 4), default=None)
    if full is None:
        raise EmsegError(
            "this network has no features to compare", type(network).__name__, "choose another model"
        )
    alike = {id(values): values for values in (*seen, *fine) if _covers(values, full)}
    shape = (window.shape[-2], window.shape[-1])
    stride = max(1, *(-(-n // k) for n, k in zip(shape, full, strict=True)))
    extent = full[0] * stride, full[1] * stride
    look = look_of(window[0, window.shape[1] // 2].cpu().numpy(), extent)
    levels = [values[0] for values in alike.values()]
    return Features((*levels, torch.from_numpy(look).to(levels[0])), shape, extent)


def look_of(section: NDArray[np.float32], extent: tuple[int, int]) -> NDArray[np.float32]:
    """What places of a section look like at four scales: grey value, edges, blobs, and how much grey values vary.

    Parameters
    ----------
    section : ndarray of float32 (y, x)
        Normalised.
    extent : (y, x)
        The section is continued to this size at its ends.

    Returns
    -------
    ndarray of float32 (16, y / 4, x / 4)
        The extent is first rounded up to whole blocks of 4 x 4 pixels.
    """
    wanted = [-(-n // _COARSE) * _COARSE for n in extent]
    whole = np.pad(section, [(0, max(0, n - k)) for n, k in zip(wanted, section.shape, strict=True)], "edge")
    rows, columns = (n // _COARSE for n in wanted)
    coarse = whole[: wanted[0], : wanted[1]].reshape(rows, _COARSE, columns, _COARSE).mean((1, 3))
    out = np.empty((LOOKS, rows, columns), np.float32)
    for n, sigma in enumerate(_SCALES):
        smooth = ndi.gaussian_filter(coarse, sigma)
        spread = ndi.gaussian_filter(coarse**2, sigma) - smooth**2
        out[4 * n] = smooth
        out[4 * n + 1] = ndi.gaussian_gradient_magnitude(coarse, sigma)
        out[4 * n + 2] = ndi.gaussian_laplace(coarse, sigma)
        out[4 * n + 3] = np.sqrt(np.maximum(spread, 0))
    return out


def _covers(values: Tensor, full: Sequence[int]) -> bool:
    """Whether a level shows what the finest one does: convolutions without padding see more on the way there."""
    if values.ndim != 4:
        return False
    stride = 2 ** round(math.log2(full[0] / values.shape[2]))
    return all(abs(n * stride - k) <= stride for n, k in zip(values.shape[2:], full, strict=True))
