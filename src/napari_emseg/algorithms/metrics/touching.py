"""Objects of a ground truth that touch, where its borders alone say what an object is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.metrics.objects import MIN_OBJECT_PX
from napari_emseg.algorithms.metrics.thinning import components

if TYPE_CHECKING:
    from numpy.typing import NDArray


def count_touching(ids: NDArray[Any]) -> tuple[int, int]:
    """How many objects a section has, and how many of them no border parts from another.

    Parameters
    ----------
    ids : ndarray (y, x)
        Whole numbers; 0 is border. Parts of fewer than 64 px, as the soft edges of a mask are, count nowhere.

    Returns
    -------
    objects, touching : int

    Examples
    --------
    >>> ids = np.repeat([[1] * 10 + [2] * 10 + [0] + [3] * 10], 10, axis=0)
    >>> count_touching(ids)
    (3, 2)
    """
    import cc3d

    parts = cc3d.connected_components(
        np.array(ids, order="C"), connectivity=4, out_dtype=np.uint32
    )  # it wants to write
    sizes = np.bincount(parts.ravel())
    first = np.zeros(sizes.size, np.intp)
    first[parts.ravel()[::-1]] = np.arange(parts.size)[::-1]  # a pixel of each
    large = np.flatnonzero(sizes >= MIN_OBJECT_PX)
    large = large[large != 0]
    among = components(ids != 0).ravel()[first[large]]
    together = np.bincount(among)[among] if among.size else among
    return int(large.size), int(np.count_nonzero(together > 1))
