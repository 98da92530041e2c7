"""Values from -1 to 1 as bytes, the form in which truth travels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.learning import IGNORE, LEVELS

if TYPE_CHECKING:
    from numpy.typing import NDArray


def as_levels(values: NDArray[np.floating[Any]], weight: NDArray[Any]) -> NDArray[np.uint8]:
    """0 for -1, half of `LEVELS` for 0, `LEVELS` for 1, and `IGNORE` where the weight is 0."""
    level = np.rint((np.clip(values, -1, 1) + 1) / 2 * LEVELS)
    return np.where(weight > 0, level, IGNORE).astype(np.uint8)
