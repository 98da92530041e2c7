"""Tiles on a grid that is fixed to the volume.

A voxel always belongs to the same tile, whatever part of the volume is asked for, so the viewport and a
whole-volume run give the same numbers. Coordinates are voxels, (z, y, x).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import ArrayLike3D


@dataclass(frozen=True, eq=False)
class Block:
    """A part of a volume that knows where it lies.

    Parameters
    ----------
    data : array-like (z, y, x)
        The voxels; anything that can be sliced.
    origin : (z, y, x)
        Place of ``data[0, 0, 0]`` in the volume.
    full_shape : (z, y, x)
        Extent of the volume: only beyond it is the image mirrored.
    """

    data: ArrayLike3D
    origin: tuple[int, int, int]
    full_shape: tuple[int, int, int]

    @classmethod
    def whole(cls, data: ArrayLike3D) -> Block:
        """A block that is the volume."""
        z, y, x = data.shape
        return cls(data, (0, 0, 0), (z, y, x))

    def section(self, z: int, rows: tuple[int, int], columns: tuple[int, int]) -> NDArray[Any]:
        """Pixels of one section, mirrored beyond the borders of the volume.

        Parameters
        ----------
        rows, columns : (start, stop)
            May reach beyond the volume.

        Raises
        ------
        IndexError
            If the block lacks pixels that the volume has.
        """
        wanted = [mirrored(*span, n) for span, n in zip((rows, columns), self.full_shape[1:], strict=True)]
        low = [int(w.min()) for w in wanted]
        local = [
            slice(a - o, int(w.max()) + 1 - o) for a, w, o in zip(low, wanted, self.origin[1:], strict=True)
        ]
        if not 0 <= z - self.origin[0] < self.data.shape[0] or any(
            s.start < 0 or s.stop > n for s, n in zip(local, self.data.shape[1:], strict=True)
        ):
            raise IndexError(f"section {z}, rows {rows}, columns {columns} are not in this block")
        found = np.asarray(self.data[z - self.origin[0], local[0], local[1]])
        if all(w.size == n and w[-1] - w[0] == n - 1 for w, n in zip(wanted, found.shape, strict=True)):
            return found  # nothing mirrored: no copy
        return found[np.ix_(wanted[0] - low[0], wanted[1] - low[1])]


def mirrored(start: int, stop: int, n: int) -> NDArray[np.intp]:
    """Indices start..stop folded back into 0..n-1, the border pixel itself not repeated."""
    index = np.arange(start, stop)
    if n == 1:
        return np.zeros_like(index)
    index = np.abs(index) % (2 * n - 2)
    return np.where(index >= n, 2 * n - 2 - index, index)


def tiles(region: Region, shape: tuple[int, int, int], size: int) -> list[Region]:
    """Tiles of one section each that a region touches, clipped to the volume, middle ones first.

    Parameters
    ----------
    region : Region
        What is wanted.
    shape : (z, y, x)
        Extent of the volume.
    size : int
        Edge of a tile in y and x.
    """
    region = region.clipped(shape)
    starts = [
        [n * size for n in range(a // size, -(-b // size))]
        for a, b in zip(region.start[1:], region.stop[1:], strict=True)
    ]
    out = [
        Region((z, y, x), (z + 1, min(y + size, shape[1]), min(x + size, shape[2])))
        for z in range(region.start[0], region.stop[0])
        for y in starts[0]
        for x in starts[1]
    ]
    middle = [(a + b) / 2 for a, b in zip(region.start[1:], region.stop[1:], strict=True)]

    def distance(tile: Region) -> float:
        centre = [(a + b) / 2 for a, b in zip(tile.start[1:], tile.stop[1:], strict=True)]
        return sum((c - m) ** 2 for c, m in zip(centre, middle, strict=True))

    return sorted(out, key=lambda t: (t.start[0], distance(t)))


def needed(
    region: Region, shape: tuple[int, int, int], size: int, halo: int, context: int, depth: int = 0
) -> Region:
    """The part of a volume that has to be read to predict every tile that a region touches.

    Parameters
    ----------
    depth : int
        Sections that a 3D network predicts at once, in blocks that start at multiples of it; 0 for one section.
    """
    region = region.clipped(shape)
    reach = size + 2 * halo  # near a border the mirror may look back this far into the volume
    start = [a // size * size - halo for a in region.start[1:]]
    stop = [-(-b // size) * size + halo for b in region.stop[1:]]
    start = [min(a, n - (b - n) - 1) if b > n else a for a, b, n in zip(start, stop, shape[1:], strict=True)]
    stop = [max(b, -a + 1) if a < 0 else b for a, b in zip(start, stop, strict=True)]
    start = [max(a, -reach) for a in start]
    blocks = max(1, depth)
    z0 = region.start[0] // blocks * blocks - context
    z1 = -(-region.stop[0] // blocks) * blocks + context
    if z0 < 0:
        z1 = max(z1, -z0 + 1)
    if z1 > shape[0]:
        z0 = min(z0, 2 * shape[0] - 1 - z1)
    return Region((z0, start[0], start[1]), (z1, stop[0], stop[1])).clipped(shape)
