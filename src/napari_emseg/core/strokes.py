"""From painted pages to patches."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.edit import Patch, Region
from napari_emseg.core.grid import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.grid import ChunkKey

    Page = NDArray[np.unsignedinteger]

_SPARSE = 4  # one box per section, unless it is this many times larger than the boxes of its pages
_SMALL = 2**18  # voxels; below this the shape of the box does not matter


def stroke_patches(
    pages: Sequence[tuple[ChunkKey, Page, Page]], read: Callable[[Region], Page]
) -> tuple[Patch, ...]:
    """Patches that turn the pages' earlier content into the present one.

    Parameters
    ----------
    pages : sequence of (key, before, after)
        Pages (512, 512) in the order of their keys.
    read : callable
        Present content (z, y, x) of any box.

    Returns
    -------
    tuple of Patch
        One tight box per section; a long thin stroke gets one box per page, so that it stays cheap.
    """
    patches: list[Patch] = []
    for _, group in groupby(pages, key=lambda page: page[0][0]):
        found = [(key, before, box) for key, before, after in group if (box := changed_box(before != after))]
        if not found:
            continue
        regions = [_region(key, box) for key, _, box in found]
        common = _around(regions)
        if np.prod(common.shape) <= max(_SMALL, _SPARSE * sum(int(np.prod(r.shape)) for r in regions)):
            after = read(common)
            earlier = after.copy()
            for (_, before, box), region in zip(found, regions, strict=True):
                y, x = region.start[1] - common.start[1], region.start[2] - common.start[2]
                earlier[0, y : y + region.shape[1], x : x + region.shape[2]] = before[box]
            patches.append(Patch(common, earlier, after))
        else:
            for (_, before, box), region in zip(found, regions, strict=True):
                patches.append(Patch(region, before[box][None].copy(), read(region)))
    return tuple(patches)


def changed_box(changed: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """The tight box around the true pixels of a (y, x) mask, None if there are none."""
    rows = np.flatnonzero(changed.any(axis=1))
    if rows.size == 0:
        return None
    y = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero(changed[y].any(axis=0))
    return y, slice(int(columns[0]), int(columns[-1]) + 1)


def _region(key: ChunkKey, box: tuple[slice, slice]) -> Region:
    """A box inside a page as a box of the volume."""
    z, top, left = key[0], key[1] * CHUNK[1], key[2] * CHUNK[2]
    y, x = box
    return Region((z, top + y.start, left + x.start), (z + 1, top + y.stop, left + x.stop))


def _around(regions: Sequence[Region]) -> Region:
    start = np.min([region.start for region in regions], axis=0)
    stop = np.max([region.stop for region in regions], axis=0)
    return Region((int(start[0]), int(start[1]), int(start[2])), (int(stop[0]), int(stop[1]), int(stop[2])))
