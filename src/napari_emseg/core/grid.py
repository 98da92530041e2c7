"""The grid of pages: how a volume is cut into chunks."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_emseg.core.edit import Region

CHUNK = (1, 512, 512)
"""Voxels of one page, (z, y, x)."""

ChunkKey = tuple[int, int, int]
"""Place of a page in the grid, (z, y, x)."""


def page_tiles(region: Region) -> Iterator[tuple[ChunkKey, tuple[slice, slice], tuple[int, slice, slice]]]:
    """Pages under a box: key, the part inside the page, and the same part inside the box."""
    (z0, y0, x0), (z1, y1, x1) = region.start, region.stop
    if 0 in region.shape:
        return
    rows = range(y0 // CHUNK[1], (y1 - 1) // CHUNK[1] + 1)
    columns = range(x0 // CHUNK[2], (x1 - 1) // CHUNK[2] + 1)
    for z, cy, cx in product(range(z0, z1), rows, columns):
        top, left = cy * CHUNK[1], cx * CHUNK[2]
        ya, yb = max(y0, top), min(y1, top + CHUNK[1])
        xa, xb = max(x0, left), min(x1, left + CHUNK[2])
        inside = (slice(ya - top, yb - top), slice(xa - left, xb - left))
        yield (z, cy, cx), inside, (z - z0, slice(ya - y0, yb - y0), slice(xa - x0, xb - x0))
