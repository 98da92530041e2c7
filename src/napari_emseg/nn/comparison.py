"""Where two models disagree most, as three small pictures: the image, what one says, what the other says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXTENT_PX = 256


def most_changed(
    section: NDArray[np.floating], before: NDArray[np.floating], after: NDArray[np.floating]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut out the square in which two maps differ most.

    Parameters
    ----------
    section : ndarray (y, x)
        Normalised image: mean 0, standard deviation 1.
    before, after : ndarray (y, x)
        Probabilities.

    Returns
    -------
    image, before, after : ndarray (at most 256, at most 256) of uint8
    """
    extent = [min(EXTENT_PX, n) for n in section.shape]
    change = ndi.uniform_filter(np.abs(after - before), extent, mode="constant")
    half = [n // 2 for n in extent]
    inside = change[
        tuple(slice(h, n - e + h + 1) for h, n, e in zip(half, section.shape, extent, strict=True))
    ]
    top, left = np.unravel_index(int(np.argmax(inside)), inside.shape)
    box = (slice(int(top), int(top) + extent[0]), slice(int(left), int(left) + extent[1]))
    grey = np.clip(section[box] * 48 + 128, 0, 255)  # 2.6 standard deviations either way
    return _bytes(grey), _bytes(before[box] * 255), _bytes(after[box] * 255)


def _bytes(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(values, 0, 255)), np.uint8)
