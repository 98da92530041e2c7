"""Signed distance to the border of objects, through tanh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.targets.target import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray


def signed_distance(
    labels: NDArray[Any],
    spacing_nm: tuple[float, float, float],
    *,
    scale_nm: float = 50.0,
    dims: int = 2,
    ignore_id: int | None = None,
) -> Target:
    """``tanh(d / scale)``: d is positive inside objects, negative outside, 0 half-way between.

    The distance inside is that to any other id, so that two touching objects are apart. As in Heinrich et al. 2018
    (Synaptic cleft segmentation in non-isotropic volume electron microscopy).

    Parameters
    ----------
    labels : ndarray (z, y, x)
    scale_nm : float
        Distance at which the value is 0.76.
    dims : {2, 3}
        Distances within sections, or through them.
    """
    import edt

    if dims == 3:
        found = _signed(labels, spacing_nm, edt)
    else:
        found = np.stack([_signed(section, spacing_nm[1:], edt) for section in labels])
    weight = np.ones(labels.shape, np.float32)
    if ignore_id is not None:
        weight[labels == ignore_id] = 0
    return Target(np.tanh(found / scale_nm).astype(np.float32)[None], weight[None], ("distance",))


def _signed(labels: NDArray[Any], spacing: tuple[float, ...], edt: Any) -> NDArray[np.float32]:
    compact = np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.uint32)
    if not (labels == 0).any():
        compact += 1
    inside = edt.edt(compact, anisotropy=spacing, black_border=False)
    outside = edt.edt(compact == 0, anisotropy=spacing, black_border=False)
    # both are at least one voxel at the border; half of it is taken off, so that they meet at 0
    half = min(spacing) / 2
    found: NDArray[np.float32] = np.where(compact > 0, inside - half, half - outside)
    # without any border the distance is infinite, and tanh of it 1
    return found
