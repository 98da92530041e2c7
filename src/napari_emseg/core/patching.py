"""Small pure functions over patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.edit import Patch, Region
from napari_emseg.core.strokes import changed_box

if TYPE_CHECKING:
    from numpy.typing import NDArray


def paste(block: NDArray[np.unsignedinteger], region: Region, patch: Patch) -> None:
    """Write the part of a patch that lies in ``region`` into ``block``, which covers that region."""
    start = np.maximum(region.start, patch.region.start)
    stop = np.minimum(region.stop, patch.region.stop)
    if np.any(stop <= start):
        return
    here = tuple(slice(a - o, b - o) for a, b, o in zip(start, stop, region.start, strict=True))
    there = tuple(slice(a - o, b - o) for a, b, o in zip(start, stop, patch.region.start, strict=True))
    block[here] = patch.after[there]


def section_patches(
    region: Region, before: NDArray[np.unsignedinteger], after: NDArray[np.unsignedinteger]
) -> tuple[Patch, ...]:
    """One patch per changed section with a tight box; sections without a change give none.

    Parameters
    ----------
    region : Region
        The box that both arrays cover.
    before, after : ndarray (z, y, x)
        Ids, of the same type.
    """
    patches: list[Patch] = []
    z0, y0, x0 = region.start
    for n in range(region.shape[0]):
        box = changed_box(before[n] != after[n])
        if box is None:
            continue
        y, x = box
        tight = Region((z0 + n, y0 + y.start, x0 + x.start), (z0 + n + 1, y0 + y.stop, x0 + x.stop))
        patches.append(Patch(tight, before[n : n + 1, y, x].copy(), after[n : n + 1, y, x].copy()))
    return tuple(patches)
