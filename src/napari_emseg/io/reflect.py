"""Blocks that reach beyond a volume: real voxels wherever there are any, mirrored ones only beyond its border."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def mirrored_index(start: int, stop: int, extent: int) -> NDArray[np.intp]:
    """Indices of a range in a mirrored axis, the border itself not repeated; any distance beyond it.

    Examples
    --------
    >>> mirrored_index(-2, 5, 3).tolist()
    [2, 1, 0, 1, 2, 1, 0]
    """
    if extent == 1:
        return np.zeros(stop - start, np.intp)
    period = 2 * (extent - 1)
    at = np.arange(start, stop) % period
    return np.where(at < extent, at, period - at)


def read_reflected(array: Any, start: Sequence[int], stop: Sequence[int]) -> NDArray[Any]:
    """Read a block of a volume that may begin before it and end after it.

    Parameters
    ----------
    array : array-like (z, y, x)
        Lazy or not; only voxels that are needed are read.
    start, stop : sequence of int
        Half-open box (z, y, x).

    Returns
    -------
    ndarray
        Of shape ``stop - start``.
    """
    wanted = [mirrored_index(a, b, n) for a, b, n in zip(start, stop, array.shape, strict=True)]
    low = [int(i.min()) for i in wanted]
    box = tuple(slice(a, int(i.max()) + 1) for a, i in zip(low, wanted, strict=True))
    block = np.asarray(array[box])
    return np.asarray(block[np.ix_(*(i - a for i, a in zip(wanted, low, strict=True)))])
