"""Border weight: background between two close objects must not be missed (Ronneberger et al. 2015, U-Net)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

from napari_emseg.algorithms.targets.boxes import object_boxes

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FAR = 4.0  # sigmas: d1 + d2 beyond this adds less than 0.0004 of the weight


def border(
    section: NDArray[Any],
    spacing_nm: tuple[float, float],
    *,
    weight: float = 10.0,
    sigma_nm: float = 25.0,
) -> NDArray[np.float32]:
    """``1 + w exp(-(d1 + d2)² / (2 sigma²))`` on the background of one section, 1 inside objects.

    Parameters
    ----------
    section : ndarray (y, x)
        Object ids, 0 is background.
    spacing_nm : (y, x)
    weight : float
        Further weight where two objects meet.

    Returns
    -------
    ndarray (y, x) float32
        d1 and d2 are the distances, in nanometres, to the nearest and to the second nearest object.
    """
    first = np.full(section.shape, np.inf)
    second = np.full(section.shape, np.inf)
    reach = int(np.ceil(_FAR * sigma_nm / min(spacing_nm)))
    for label, box in object_boxes(section, reach).items():
        distance = ndi.distance_transform_edt(section[box] != label, sampling=spacing_nm)
        nearest, next_one = first[box], second[box]
        next_one[:] = np.minimum(np.maximum(nearest, distance), next_one)
        nearest[:] = np.minimum(nearest, distance)
    more = weight * np.exp(-((first + second) ** 2) / (2 * sigma_nm**2))
    return np.where(section == 0, 1 + more, 1).astype(np.float32)
