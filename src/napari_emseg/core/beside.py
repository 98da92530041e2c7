"""Reading labels in a thread beside the window: page by page, so that nobody who paints waits for more than one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.grid import page_tiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_emseg.core.volume import LabelVolume

    Ids = NDArray[np.unsignedinteger]

_TURN_S = (
    1e-4  # locks are not fair: who waits for the pages gets them only if they are not taken again at once
)


def pieces(volume: LabelVolume, region: Region) -> Iterator[tuple[Region, Ids]]:
    """What is labelled under a box.

    Returns
    -------
    iterator of (Region, ndarray (y, x))
        Part of the box, and the ids there, which may change and must not be written into. Blank pages are left out.
    """
    z0, y0, x0 = region.start
    for key, inside, (z, y, x) in page_tiles(region):
        with volume.pages.lock:
            if volume.pages.is_blank(key):
                continue
            ids = volume.pages.get(key)[inside]
        yield Region((z0 + z, y0 + y.start, x0 + x.start), (z0 + z + 1, y0 + y.stop, x0 + x.stop)), ids
        time.sleep(_TURN_S)


def read_beside(volume: LabelVolume, region: Region) -> Ids:
    """A copy of one box (z, y, x); what is painted meanwhile may be in it in part."""
    out: Ids = np.zeros(region.shape, volume.dtype)
    z0, y0, x0 = region.start
    for part, ids in pieces(volume, region):
        (z, y, x), (_, bottom, right) = part.start, part.stop
        out[z - z0, y - y0 : bottom - y0, x - x0 : right - x0] = ids
    return out
