"""Border thinning as the ISBI 2012 scores define it, and a quick stand-in to choose thresholds with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def components(cells: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Label the 4-connected components of one section.

    Parameters
    ----------
    cells : ndarray of bool (y, x)

    Returns
    -------
    ndarray of uint32 (y, x)
        1, 2, ... in raster order of their first pixel; 0 outside.
    """
    import cc3d

    labels = cc3d.connected_components(np.ascontiguousarray(cells), connectivity=4, out_dtype=np.uint32)
    return labels.astype(np.uint32, copy=False)


def thin(cells: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Thin everything that is not cell to one-pixel, 4-connected watershed lines.

    Parameters
    ----------
    cells : ndarray of bool (y, x)
        True inside cells.

    Returns
    -------
    ndarray of int32 (y, x)
        Component numbers; 0 on the lines.

    Notes
    -----
    The flooding order among equal pixels decides where a line falls in a border of even width, so the
    score is only reproducible with the watershed that the published comparison uses: scikit-image's.
    """
    from skimage.segmentation import watershed

    labels = components(cells).astype(np.int32)
    lines: NDArray[np.int32] = watershed(
        (~cells).astype(np.uint8), labels, connectivity=1, watershed_line=True
    )
    return lines


def thin_roughly(cells: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Thin to lines at equal city-block distance: like `thin` up to one pixel, several times faster.

    Same parameters and result type as `thin`. Where `thin` chooses between equal pixels, this takes
    either, so scores differ in the fourth digit.
    """
    from scipy import ndimage as ndi

    labels = components(cells).astype(np.int32)
    if not labels.any():
        return labels
    nearest = ndi.distance_transform_cdt(
        ~cells, metric="taxicab", return_distances=False, return_indices=True
    )
    grown: NDArray[np.int32] = labels[nearest[0], nearest[1]]
    lines = np.zeros(cells.shape, bool)
    lines[:-1] |= grown[:-1] > grown[1:]
    lines[1:] |= grown[1:] > grown[:-1]
    lines[:, :-1] |= grown[:, :-1] > grown[:, 1:]
    lines[:, 1:] |= grown[:, 1:] > grown[:, :-1]
    grown[lines & ~cells] = 0
    return grown
