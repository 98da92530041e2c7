"""3D networks among those that look at one section: blocks of sections on a grid that is fixed to the volume.

A block of `depth` sections is predicted at once from itself and a few sections on either side. The result has its
sections as channels, target by target, so that tiles, views and margins in the plane are dealt with as for one section.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from napari_emseg.algorithms.tiling import mirrored, tiles
from napari_emseg.core.edit import Region
from napari_emseg.nn.views import Directions, mean_over_views

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


class AsSections(nn.Module):
    """A 3D network that takes sections as channels and gives them back as channels.

    Parameters
    ----------
    network : nn.Module
        (batch, 1, z, y, x) to logits (batch, targets, z, y, x).
    depth : int
        Sections wanted, the middle ones of those given.
    """

    def __init__(self, network: nn.Module, depth: int) -> None:
        super().__init__()
        self.network, self.depth = network, depth
        divisor = getattr(network, "divisor", (1, 1, 1))
        self.divisor = max(divisor[1:]) if isinstance(divisor, tuple) else int(divisor)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, sections, y, x) to logits (batch, targets * depth, y, x)."""
        logits: Tensor = self.network(x[:, None])
        margin = (x.shape[1] - self.depth) // 2
        return logits.narrow(2, margin, self.depth).flatten(1, 2)


def block_tiles(region: Region, shape: tuple[int, int, int], size: int, depth: int) -> list[Region]:
    """Tiles of whole blocks of sections that a region touches, clipped to the volume, in the order of `tiles`."""
    region = region.clipped(shape)
    out = []
    for z in range(region.start[0] // depth * depth, region.stop[0], depth):
        plane = Region((z, *region.start[1:]), (z + 1, *region.stop[1:]))
        stop = min(z + depth, shape[0])
        out += [Region(t.start, (stop, *t.stop[1:])) for t in tiles(plane, shape, size)]
    return out


def block_sections(
    start: int, depth: int, n_sections: int, context: int, skip: frozenset[int] = frozenset()
) -> list[int]:
    """Sections of a block with its context, mirrored at the ends of the stack.

    An excluded section is stood in for by the nearest one of the block that is not.
    """
    wanted = [int(z) for z in mirrored(start - context, start + depth + context, n_sections)]
    good = [z for z in wanted if z not in skip] or wanted
    return [z if z in good else min(good, key=lambda other: abs(other - z)) for z in wanted]


def mean_over_block_views(
    network: Callable[[Tensor], Tensor],
    block: Tensor,
    views: str,
    depth: int,
    directions: Directions | None = None,
) -> Tensor:
    """Mean probability over views, as `views.mean_over_views`, of a network that gives `depth` sections per target.

    Parameters
    ----------
    block : Tensor (batch, sections, y, x)
    directions : Directions, optional
        Targets that are turned with the block.

    Returns
    -------
    Tensor (batch, targets * depth, y, x)
    """

    def by_target(turned: Tensor) -> Tensor:
        found = network(turned)
        return found.reshape(found.shape[0], -1, depth, *found.shape[2:])

    return mean_over_views(by_target, block, views, directions=directions).flatten(1, 2)
