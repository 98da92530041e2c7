"""All objects in one colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.targets.target import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray


def mask(
    labels: NDArray[Any],
    spacing_nm: tuple[float, float, float],  # noqa: ARG001 - all targets are called alike
    *,
    ignore_id: int | None = None,
) -> Target:
    """1 wherever labels (z, y, x) have an id."""
    weight = np.ones(labels.shape, np.float32)
    if ignore_id is not None:
        weight[labels == ignore_id] = 0
    values = ((labels != 0) & (weight > 0)).astype(np.uint8)
    return Target(values[None], weight[None], ("object",))
