"""Distance weight: far from a target a wrong "yes" is a worse mistake than beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCALE_NM = 50.0


def away(
    positive: NDArray[Any], spacing_nm: tuple[float, ...], *, scale_nm: float = SCALE_NM
) -> NDArray[np.float32]:
    """``tanh(D / S)``: 0 on the target, rising to 1 with the distance D from it.

    Parameters
    ----------
    positive : ndarray, any number of axes
        Non-zero where the target is. Positives get 0: give them their own weight where they shall count.
    spacing_nm : tuple of float
        Voxel size along each axis.
    scale_nm : float
        S, the distance at which the weight is 0.76.

    Returns
    -------
    ndarray float32
        1 everywhere where there is no target at all.
    """
    yes = np.asarray(positive) != 0
    if not yes.any():
        return np.ones(yes.shape, np.float32)
    distance = ndi.distance_transform_edt(~yes, sampling=spacing_nm)
    return np.tanh(distance / scale_nm).astype(np.float32)
