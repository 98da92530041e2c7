"""Grey values of samples.

Samples have mean 0 and standard deviation 1, as networks see them. Methods that were published for grey values from 0
to 1 take black and white to lie three standard deviations from the mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLACK, WHITE = -3.0, 3.0


def to_unit(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """From standard deviations to 0 .. 1, a new array."""
    unit: NDArray[np.float32] = (image - np.float32(BLACK)) * np.float32(1 / (WHITE - BLACK))
    return unit


def from_unit(unit: NDArray[np.float32]) -> NDArray[np.float32]:
    """From 0 .. 1 to standard deviations, a new array."""
    image: NDArray[np.float32] = unit * np.float32(WHITE - BLACK) + np.float32(BLACK)
    return image
