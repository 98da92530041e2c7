"""Drawn outlines to masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def mask_of_outline(outline: NDArray[np.floating], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The inside of a drawn outline.

    Parameters
    ----------
    outline : ndarray (n, 2)
        Corners (y, x) in pixels, in order; the last is joined to the first.
    shape : tuple of int
        (y, x) of the section. What lies outside is cut off.

    Raises
    ------
    EmsegError
        If it has fewer than three corners.
    """
    from skimage.draw import polygon2mask

    corners = np.asarray(outline, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise EmsegError("an outline has at least three corners (y, x)", f"it has the shape {corners.shape}")
    return np.asarray(polygon2mask(shape, corners), dtype=np.bool_)
