"""Where a section holds no tissue: black margins of aligned stacks, missing tiles, missing sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORTH_LOOKING = 0.01  # fewer zeros than this part of a section are dark pixels
_SOLID_PX = 7  # squares of zeros of this side do not occur in tissue


def void_mask(section: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Pixels that are exactly 0 and belong to solid black areas.

    Parameters
    ----------
    section : ndarray (y, x)

    Returns
    -------
    ndarray (y, x) of bool, or None
        None where there is tissue everywhere, which is usual and quick to find out.
    """
    zeros = section.size - int(np.count_nonzero(section))
    if zeros == 0 or zeros < _WORTH_LOOKING * section.size:
        return None
    from scipy.ndimage import maximum_filter, minimum_filter

    black = section == 0
    # padded with "black", so that margins thinner than the square are found as well
    core = minimum_filter(black, _SOLID_PX, mode="constant", cval=1)
    solid = maximum_filter(core, _SOLID_PX, mode="constant", cval=0) & black
    return solid if solid.any() else None
