"""Where the synapses of a labelled volume are: one pass over its blocks, and a box for each id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.blocks import grid
from napari_emseg.algorithms.synapses.masks import shape_of
from napari_emseg.core.edit import Region
from napari_emseg.core.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Collection

    from napari_emseg.core.progress import Progress


@dataclass(frozen=True, slots=True)
class Place:
    """An id, the box around it, and how much of it there is.

    Parameters
    ----------
    id : int
    region : Region
    voxels : int
    """

    id: int
    region: Region
    voxels: int


def find_places(
    labels: Any,
    block: tuple[int, int, int],
    *,
    without: Collection[int] = (0,),
    progress: Progress | None = None,
) -> list[Place]:
    """Boxes around all ids of a volume.

    Parameters
    ----------
    labels : array-like (z, y, x) of int
        Read block by block.
    block : (z, y, x)
        Voxels of a block.
    without : collection of int
        Ids that are nothing.
    progress : Progress, optional

    Returns
    -------
    list of Place
        Sorted by id; blocks do not change it.
    """
    from scipy import ndimage as ndi

    report = progress or Silent()
    none = set(without)
    boxes: dict[int, list[int]] = {}
    regions = grid(shape_of(labels), block)
    for n, region in enumerate(regions):
        report.report(n / len(regions), "looking for synapses")
        values = np.asarray(labels[region.slices])
        if 0 in none and not values.any():
            continue
        ids, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        if not set(ids.tolist()) - none:
            continue
        found = ndi.find_objects(inverse.reshape(values.shape).astype(np.int32) + 1)
        for one, count, box in zip(ids.tolist(), counts.tolist(), found, strict=True):
            if one in none:
                continue
            low = [a + s.start for a, s in zip(region.start, box, strict=True)]
            high = [a + s.stop for a, s in zip(region.start, box, strict=True)]
            seen = boxes.get(one)
            if seen is None:
                boxes[one] = [*low, *high, count]
                continue
            seen[:3] = map(min, seen[:3], low)
            seen[3:6] = map(max, seen[3:6], high)
            seen[6] += count
    report.report(1.0, "looking for synapses")
    return [
        Place(one, Region((a, b, c), (d, e, f)), n) for one, (a, b, c, d, e, f, n) in sorted(boxes.items())
    ]


def around(
    region: Region, margin_nm: float, spacing_nm: tuple[float, float, float], shape: tuple[int, int, int]
) -> Region:
    """A box widened by a margin, at least one voxel, and cut to the volume."""
    pad = [max(int(np.ceil(margin_nm / s)), 1) for s in spacing_nm]
    low = [max(a - p, 0) for a, p in zip(region.start, pad, strict=True)]
    high = [min(b + p, n) for b, p, n in zip(region.stop, pad, shape, strict=True)]
    return Region((low[0], low[1], low[2]), (high[0], high[1], high[2]))
