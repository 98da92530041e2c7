"""How long, broad and thick an object is as a whole: good for compact things such as mitochondria."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.measure.crop import ObjectCrop
    from napari_emseg.settings import MeasureSettings

NAMES = ("ellipsoid_short_nm", "ellipsoid_middle_nm", "ellipsoid_long_nm")


def shape_of(crop: ObjectCrop, settings: MeasureSettings) -> dict[str, float | int | None]:  # noqa: ARG001
    """Axes of the ellipsoid with the same second moments, in nanometres.

    Its variance along an axis is a twentieth of the square of that axis. Middles of voxels are taken, not their boxes, which
    would add their own. None across an object that is one voxel thick.
    """
    n = int(np.count_nonzero(crop.mask))
    spread = np.zeros((3, 3))
    for one, other in (
        (0, 1),
        (0, 2),
        (1, 2),
    ):  # three shadows of the object: its voxels may be too many for a list
        shadow = crop.mask.sum(axis=3 - one - other, dtype=np.int64)
        u, v = (_places(shadow.sum(1 - k), n) for k in (0, 1))
        spread[one, one], spread[other, other] = (
            float(shadow.sum(1 - k) @ w**2) / n for k, w in enumerate((u, v))
        )
        spread[one, other] = spread[other, one] = float(u @ shadow @ v) / n
    size = np.asarray(crop.spacing_nm)
    found = np.linalg.eigvalsh(spread * np.outer(size, size))
    flat = [count == 1 for count in crop.mask.shape].count(
        True
    )  # a single section says nothing about its own thickness
    return {
        name: None if k < flat else math.sqrt(20 * max(float(v), 0.0))
        for k, (name, v) in enumerate(zip(NAMES, found, strict=True))
    }


def _places(count: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """Places along an axis from the mean of all voxels."""
    at = np.arange(count.size, dtype=np.float64)
    return at - float(count @ at) / n
