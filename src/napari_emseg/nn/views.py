"""Test-time augmentation: the mirrors and transposes of a block of sections, and their inverses.

Means are formed as the views come, in slabs, so that the memory is that of two results and not of sixteen. Channels
that have a direction (affinities, flows) are turned with the block: mirrored along y, "same object as the pixel above"
becomes "same object as the pixel below", and a flow changes its sign.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from napari_emseg.core.model_card import ModelCard

Offset = tuple[int, int, int]
_SLAB = 256  # rows that are turned back at a time


@dataclass(frozen=True)
class View:
    """One way of looking: order of sections, mirrors in y and x, transpose.

    Blocks are (batch, sections, y, x) or (batch, channels, z, y, x), results (batch, targets, y, x) or
    (batch, targets, z, y, x).
    """

    z: bool = False
    y: bool = False
    x: bool = False
    transpose: bool = False

    def forward(self, block: Tensor) -> Tensor:
        """Turn an input; its sections may change order."""
        dims = [d for d, on in ((-3, self.z), (-2, self.y), (-1, self.x)) if on]
        if dims:
            block = block.flip(dims)
        return block.transpose(-2, -1) if self.transpose else block

    def inverse(self, result: Tensor) -> Tensor:
        """Turn a result back."""
        if self.transpose:
            result = result.transpose(-2, -1)
        through = self.z and result.ndim == 5
        dims = [d for d, on in ((-3, through), (-2, self.y), (-1, self.x)) if on]
        return result.flip(dims) if dims else result

    def rows(self, result: Tensor, start: int, stop: int) -> Tensor:
        """The part of a turned result that becomes these rows when it is turned back."""
        axis = -1 if self.transpose else -2
        n = result.shape[axis]
        first = n - stop if self.y else start
        return result.narrow(axis, first, stop - start)

    def turned(self, offset: Offset) -> Offset:
        """A vector (z, y, x) as it lies in the turned block."""
        z, y, x = (-o if on else o for o, on in zip(offset, (self.z, self.y, self.x), strict=True))
        return (z, x, y) if self.transpose else (z, y, x)


_BITS = (False, True)
VIEWS: dict[str, tuple[View, ...]] = {
    "none": (View(),),
    "flips": tuple(View(y=y, x=x) for y in _BITS for x in _BITS),
    "8": tuple(View(y=y, x=x, transpose=t) for t in _BITS for y in _BITS for x in _BITS),
    "16": tuple(View(z, y, x, t) for z in _BITS for t in _BITS for y in _BITS for x in _BITS),
}
"""Setting to views."""


@dataclass(frozen=True)
class Directions:
    """Which channels of a result have a direction.

    Parameters
    ----------
    affinities : mapping of int to (z, y, x)
        Channel to the offset of the voxel that it is compared with.
    flows : tuple of (int, int, int)
        Channels of the components z, y, x of a vector; -1 for one that is not there.
    middle : float
        Value of a component that points nowhere: one half where -1 to 1 is given as 0 to 1.
    """

    affinities: Mapping[int, Offset] = field(default_factory=dict)
    flows: tuple[tuple[int, int, int], ...] = ()
    middle: float = 0.0

    @classmethod
    def of_card(cls, card: ModelCard) -> Directions:
        """The channels of a model that have a direction; its vectors are given as levels from 0 to 1."""
        channel = {name: n for n, name in enumerate(card.targets)}
        return cls(
            {channel[name]: offset for name, offset in card.offsets.items()},
            tuple((channel.get(z, -1), channel.get(y, -1), channel.get(x, -1)) for z, y, x in card.vectors),
            middle=0.5,
        )

    def source(self, channel: int, view: View) -> tuple[int, int, Offset | None]:
        """Where a channel is found in a turned result: its channel, its sign, and the offset at which it is read.

        Raises
        ------
        EmsegError
            If no channel of the result looks that way.
        """
        if channel in self.affinities:
            wanted = self.affinities[channel]
            turned = view.turned(wanted)
            opposite = (-turned[0], -turned[1], -turned[2])
            for other, offset in self.affinities.items():
                if offset == turned:
                    return other, 1, None
            for other, offset in self.affinities.items():
                if offset == opposite:
                    return other, 1, wanted
            raise _lacking(channel)
        for flow in self.flows:
            if channel in flow:
                axis = flow.index(channel)
                swapped = {1: 2, 2: 1}.get(axis, axis) if view.transpose else axis
                if flow[swapped] < 0:
                    raise _lacking(channel)
                return flow[swapped], -1 if (view.z, view.y, view.x)[axis] else 1, None
        return channel, 1, None


def _lacking(channel: int) -> EmsegError:
    return EmsegError(
        "this model cannot be averaged over transposed views", f"channel {channel}", "choose flips or none"
    )


def mean_over_views(
    network: Callable[[Tensor], Tensor],
    block: Tensor,
    views: str,
    *,
    directions: Directions | None = None,
    activate: Callable[[Tensor], Tensor] = torch.sigmoid,
) -> Tensor:
    """Mean answer over views.

    Parameters
    ----------
    network : callable
        (batch, sections, y, x) to (batch, targets, y, x), or (batch, channels, z, y, x) to
        (batch, targets, z, y, x), before `activate`.
    block : Tensor
        Of any extents.
    views : {"none", "flips", "8", "16"}
    directions : Directions, optional
        Channels that are turned with the block.
    activate : callable
        From the network's output to what is averaged; works pixel by pixel.

    Returns
    -------
    Tensor
        float32. An affinity whose partner lies outside the block is the mean of those views only whose channels
        compare the same two voxels.
    """
    chosen = VIEWS[views]
    turns = directions or Directions()
    layout = torch.channels_last if block.ndim == 4 else torch.channels_last_3d
    total: Tensor | None = None
    unknown: dict[int, int] = {}
    for view in chosen:
        result = network(view.forward(block).contiguous(memory_format=layout))
        if total is None:
            extents = result.shape[-2:] if not view.transpose else result.shape[:-3:-1]
            total = torch.zeros((*result.shape[:-2], *extents), dtype=torch.float32, device=result.device)
        for channel in range(total.shape[1]):
            source, sign, offset = turns.source(channel, view)
            _add(
                total[:, channel : channel + 1], result[:, source : source + 1], view, activate, sign, offset
            )
            if sign < 0:
                total[:, channel] += 2 * turns.middle
            if offset is not None:
                unknown[channel] = unknown.get(channel, 0) + 1
        del result
    assert total is not None
    for channel in range(total.shape[1]):
        mean = total[:, channel]
        if missed := unknown.get(channel, 0):
            inside = _partners(total[:, channel : channel + 1], turns.affinities[channel])[0]
            inside[:, 0].mul_((len(chosen) - missed) / len(chosen))
            mean /= len(chosen) - missed
        else:
            mean /= len(chosen)
    return total


def _add(
    total: Tensor,
    result: Tensor,
    view: View,
    activate: Callable[[Tensor], Tensor],
    sign: int,
    offset: Offset | None,
) -> None:
    """Add one channel of a turned result to the sum, a few rows at a time."""
    height = total.shape[-2]
    if offset is not None:  # shifted by a few voxels, across the borders of slabs
        back = activate(view.inverse(result).float())
        here, there = _partners(total, offset)[0], _partners(back, offset)[1]
        here.add_(there)
        return
    for start in range(0, height, _SLAB):
        stop = min(start + _SLAB, height)
        part = activate(view.rows(result, start, stop).float())
        total[..., start:stop, :].add_(view.inverse(part), alpha=sign)


def _partners(volume: Tensor, offset: Offset) -> tuple[Tensor, Tensor]:
    """Parts of (batch, 1, [z,] y, x): voxels whose partner at an offset exists, and those partners."""
    if volume.ndim == 4 and offset[0]:
        raise EmsegError(
            "affinities between sections need a result with sections", "test-time augmentation", "choose none"
        )
    here, there = volume, volume
    for axis, step in zip((-3, -2, -1), offset, strict=True):
        if step:
            n = volume.shape[axis]
            length = max(0, n - abs(step))
            here = here.narrow(axis, max(0, -step), length)
            there = there.narrow(axis, max(0, step), length)
    return here, there
