"""Membranes between every pair of touching objects, and wherever labels leave room for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.boundaries import membrane_target
from napari_emseg.algorithms.targets.target import Target
from napari_emseg.core.stack import pixel_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH_NM = 25.0  # two leaflets and the cleft between them in fly neuropil


def membrane(
    labels: NDArray[Any],
    spacing_nm: tuple[float, float, float],
    *,
    width_nm: float = WIDTH_NM,
    ignore_id: int | None = None,
) -> Target:
    """Membrane of every section.

    Parameters
    ----------
    labels : ndarray (z, y, x)
        Object ids, 0 for border or outside.
    spacing_nm : (z, y, x)
    width_nm : float
        Width of the membrane drawn between two ids that touch; one pixel of either side is taken at least.
    ignore_id : int, optional
        This id supervises nothing.

    See Also
    --------
    napari_emseg.algorithms.boundaries.membrane_target : one section, and what counts as known.
    """
    pixel_nm = pixel_size(spacing_nm)
    pairs = [membrane_target(s, width_nm / pixel_nm, ignore_id=ignore_id) for s in labels]
    values, weight = (np.stack([pair[i] for pair in pairs]) for i in (0, 1))
    return Target(values[None], weight[None], ("membrane",))
