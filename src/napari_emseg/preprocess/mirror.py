"""Indices beyond the ends of an axis, reflected back without repeating the edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def mirrored(index: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Reflect indices at both ends of an axis: -1 is 1, ``count`` is ``count - 2``.

    Parameters
    ----------
    index : ndarray of int
        Any distance beyond the ends.
    count : int
        Extent of the axis. One element is repeated.

    Examples
    --------
    >>> mirrored(np.arange(-3, 6), 3).tolist()
    [1, 2, 1, 0, 1, 2, 1, 0, 1]
    """
    if count == 1:
        return np.zeros_like(index)
    period = 2 * (count - 1)
    folded = index % period
    return np.minimum(folded, period - folded)
