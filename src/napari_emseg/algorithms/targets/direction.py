"""Which way the middle of an object lies: the slope of the distance to its border (Bai and Urtasun 2017, deep watershed)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.targets.target import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray


def direction(
    labels: NDArray[Any],
    spacing_nm: tuple[float, float, float],
    *,
    dims: int = 2,
    ignore_id: int | None = None,
) -> Target:
    """Unit vectors that point away from the border, within objects.

    Parameters
    ----------
    labels : ndarray (z, y, x)
    dims : {2, 3}
        Within sections, or through them.

    Returns
    -------
    Target
        Channels z, y, x from -1 to 1; all 0 outside objects and where no side is nearer.
    """
    import edt

    unknown = np.zeros(labels.shape, bool) if ignore_id is None else labels == ignore_id
    ids = (
        np.unique(np.where(unknown, 0, labels), return_inverse=True)[1]
        .reshape(labels.shape)
        .astype(np.uint32)
    )
    if not (labels == 0).any() and not unknown.any():
        ids += 1
    vectors = np.zeros((3, *labels.shape), np.float32)
    if dims == 3:
        distance = edt.edt(ids, anisotropy=spacing_nm, black_border=False)
        axes = [a for a in range(3) if labels.shape[a] > 1]
        for axis in axes:
            vectors[axis] = np.gradient(distance, spacing_nm[axis], axis=axis)
    else:
        for z, section in enumerate(ids):
            distance = edt.edt(np.ascontiguousarray(section), anisotropy=spacing_nm[1:], black_border=False)
            for axis in (0, 1):
                if section.shape[axis] > 1:
                    vectors[axis + 1, z] = np.gradient(distance, spacing_nm[axis + 1], axis=axis)
    vectors[~np.isfinite(vectors)] = 0
    length = np.sqrt((vectors**2).sum(0))
    vectors = np.where((length > 1e-6) & (ids > 0), vectors / np.maximum(length, 1e-6), 0).astype(np.float32)
    weight = np.repeat(~unknown[None], 3, 0).astype(np.float32)
    return Target(vectors, weight, ("direction z", "direction y", "direction x"))
