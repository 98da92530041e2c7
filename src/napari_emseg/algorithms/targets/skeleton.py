"""How close a pixel is to the middle of its object: 1 on the skeleton, falling to its border, -1 outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi
from skimage.measure import label
from skimage.morphology import skeletonize

from napari_emseg.algorithms.targets.target import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOLES_PX = 16  # smaller holes are noise of the labels, and would make a loop of the skeleton
POWER = 0.8
LEAST_DISTANCE_PX = 2.0  # thin objects do not get a steeper slope than this


def skeleton(
    labels: NDArray[Any],
    spacing_nm: tuple[float, float, float],
    *,
    ignore_id: int | None = None,
) -> Target:
    """Skeleton target of every section of labels (z, y, x), for a network with tanh at its end.

    Inside an object ``1 - (d / max(2, d_max)) ** 0.8``, where d is the distance to the object's own skeleton in
    pixels and d_max the largest in the object. The parts of an id in a section are objects of their own; holes of up to
    16 pixels are filled before the skeleton is drawn.
    """
    aspect = spacing_nm[1] / spacing_nm[2]
    weight = np.ones(labels.shape, np.float32)
    values = np.empty(labels.shape, np.float32)
    for z, section in enumerate(labels):
        known = section if ignore_id is None else np.where(section == ignore_id, 0, section)
        values[z] = skeleton_section(known, aspect)
        if ignore_id is not None:
            weight[z][section == ignore_id] = 0
    return Target(values[None], weight[None], ("skeleton",))


def skeleton_section(section: NDArray[Any], aspect: float = 1.0) -> NDArray[np.float32]:
    """`skeleton` of one section (y, x); `aspect` is the height of a pixel over its width."""
    out = np.full(section.shape, -1, np.float32)
    parts = label(section, background=0, connectivity=1)
    for number, box in enumerate(ndi.find_objects(parts), 1):
        inside = parts[box] == number
        line = skeletonize(_without_small_holes(inside))
        distance = ndi.distance_transform_edt(~line, sampling=(aspect, 1.0))
        scale = max(LEAST_DISTANCE_PX, float(distance[inside].max()))
        out[box][inside] = 1 - (distance[inside] / scale) ** POWER
    return out


def _without_small_holes(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """An object with its holes of up to 16 pixels filled."""
    padded = np.pad(inside, 1)
    holes, count = ndi.label(~padded)
    if count < 2:
        return inside
    area = np.bincount(holes.ravel())
    small = area <= HOLES_PX
    small[[0, holes[0, 0]]] = False
    filled: NDArray[np.bool_] = (padded | small[holes])[1:-1, 1:-1]
    return filled
