"""From painted pages to patches."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.chunks import CHUNK
from napari_emseg.core.edit import Patch, Region

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.chunks import ChunkKey

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
        found = [patch for page in group if (patch := _page_patch(*page)) is not None]
        if not found:
            continue
        common = _around([patch.region for patch in found])
        voxels = int(np.prod(common.shape))
        if voxels > max(_SMALL, _SPARSE * sum(patch.after.size for patch in found)):
            patches.extend(found)
            continue
        after = read(common)
        before_all = after.copy()
        for patch in found:
            y, x = patch.region.start[1] - common.start[1], patch.region.start[2] - common.start[2]
            before_all[:, y : y + patch.region.shape[1], x : x + patch.region.shape[2]] = patch.before
        patches.append(Patch(common, before_all, after))
    return tuple(patches)


def changed_box(changed: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """The tight box around the true pixels of a (y, x) mask, None if there are none."""
    rows = np.flatnonzero(changed.any(axis=1))
    if rows.size == 0:
        return None
    y = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero(changed[y].any(axis=0))
    return y, slice(int(columns[0]), int(columns[-1]) + 1)


def _page_patch(key: ChunkKey, before: Page, after: Page) -> Patch | None:
    box = changed_box(before != after)
    if box is None:
        return None
    y, x = box
    z, top, left = key[0], key[1] * CHUNK[1], key[2] * CHUNK[2]
    region = Region((z, top + y.start, left + x.start), (z + 1, top + y.stop, left + x.stop))
    return Patch(region, before[y, x][None].copy(), after[y, x][None].copy())


def _around(regions: Sequence[Region]) -> Region:
    start = np.min([region.start for region in regions], axis=0)
    stop = np.max([region.stop for region in regions], axis=0)
    return Region((int(start[0]), int(start[1]), int(start[2])), (int(stop[0]), int(stop[1]), int(stop[2])))
