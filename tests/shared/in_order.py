"""Labels with ids that do not depend on what objects were called."""

from __future__ import annotations

from typing import Any

import fastremap
import numpy as np
from numpy.typing import NDArray


def in_order(labels: NDArray[Any]) -> NDArray[np.uint32]:
    """Ids from 1 in the order in which objects appear: the same whatever they were called before.

    Parameters
    ----------
    labels : ndarray of int
    """
    ids, first = fastremap.unique(labels, return_index=True)
    ids, first = ids[ids != 0], first[ids != 0]
    names = {0: 0} | {int(old): new for new, old in enumerate(ids[np.argsort(first)].tolist(), 1)}
    renamed = fastremap.remap(np.asarray(labels), names, preserve_missing_labels=False)
    return np.asarray(renamed, np.uint32)
