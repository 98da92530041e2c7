"""Object ids in the colours of an image: id = R * 65536 + G * 256 + B, as VAST writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_IDS = 1 << 24
"""Ids are below this: three bytes hold no more."""


def ids_of(samples: NDArray[Any]) -> NDArray[np.uint32]:
    """Ids of an image.

    Parameters
    ----------
    samples : ndarray of uint8 (y, x, 3 or 4), or of integers (y, x)
        A fourth sample is opacity and counts for nothing. Grey images hold the ids themselves.

    Returns
    -------
    ndarray of uint32 (y, x)
    """
    if samples.ndim == 2:
        return samples.astype(np.uint32)
    red, green, blue = (samples[..., k].astype(np.uint32) for k in range(3))
    return red << np.uint32(16) | green << np.uint32(8) | blue


def colours_of(ids: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """An image (y, x, 3) of ids (y, x).

    Raises
    ------
    EmsegError
        If an id is negative or needs more than 24 bits.
    """
    if ids.size and (int(ids.min()) < 0 or int(ids.max()) >= MOST_IDS):
        bad = int(ids.max()) if int(ids.max()) >= MOST_IDS else int(ids.min())
        raise EmsegError(
            f"ids of an RGB image do not fit 24 bits: {bad}",
            where,
            "renumber the objects from 1 on, or write .zarr, .h5 or .tif instead",
        )
    wide = ids.astype(np.uint32)
    return np.stack([(wide >> np.uint32(s) & np.uint32(255)).astype(np.uint8) for s in (16, 8, 0)], axis=-1)
