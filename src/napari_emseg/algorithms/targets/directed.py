"""Targets with a direction, one channel at a time, as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.targets.affinities import affinities
from napari_emseg.algorithms.targets.as_levels import as_levels
from napari_emseg.algorithms.targets.direction import direction
from napari_emseg.core.learning import IGNORE

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CUBE = (1.0, 1.0, 1.0)


def directed_truth(
    objects: NDArray[Any], kind: str, offset: tuple[int, int, int], *, ignore_id: int | None = None
) -> NDArray[np.uint8]:
    """Truth (z, y, x) of one affinity, or of one component of a direction as levels, from ids (z, y, x).

    Offsets and directions are in voxels.
    """
    if kind == "affinity":
        made = affinities(objects, _CUBE, offsets=[offset], ignore_id=ignore_id)
        return np.where(made.weight[0] > 0, made.values[0], IGNORE).astype(np.uint8)
    made = direction(objects, _CUBE, dims=3 if offset[0] else 2, ignore_id=ignore_id)
    axis = int(np.flatnonzero(offset)[0])
    return as_levels(made.values[axis], made.weight[axis])
