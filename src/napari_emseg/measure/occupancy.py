"""Occupancy: which part of all contact area each object has, in percent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.measure.matrix import PairMatrix


def occupancy_percent(areas: PairMatrix) -> NDArray[np.float64]:
    """Share of every row object in the contact area of all row objects; together 100 percent.

    Parameters
    ----------
    areas : PairMatrix
        Contact areas; NaN is no contact.

    Returns
    -------
    ndarray of float64 (rows,)
        NaN where nothing touches anything.
    """
    total = areas.totals.sum()
    return 100 * areas.totals / total if total > 0 else np.full(len(areas.rows), np.nan)
