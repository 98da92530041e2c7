"""What supervises: proofread sections, or proofread objects with what surrounds them. Unknown is not background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray


def supervision(
    labels: NDArray[Any],
    *,
    sections: Iterable[int] | None = None,
    objects: Collection[int] | None = None,
    rim_px: float = 4.0,
    ignore_id: int | None = None,
) -> NDArray[np.float32]:
    """Weight 1 where somebody has looked, 0 elsewhere.

    Parameters
    ----------
    labels : ndarray (z, y, x)
    sections : iterable of int, optional
        Proofread sections; by default all.
    objects : collection of int, optional
        Proofread objects: only these and a rim of `rim_px` around them supervise. By default everything in the
        sections does.
    ignore_id : int, optional
        This id supervises nothing.
    """
    weight = np.zeros(labels.shape, np.float32)
    for z in range(len(labels)) if sections is None else sections:
        if objects is None:
            weight[z] = 1
            continue
        known = np.isin(labels[z], list(objects))
        if known.any():
            others = (labels[z] != 0) & ~known
            near = ndi.distance_transform_edt(~known) <= rim_px
            weight[z] = known | (near & ~others)
    if ignore_id is not None:
        weight[labels == ignore_id] = 0
    return weight
