"""Which overlaps of true objects with segments mean something, and which are ragged borders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.algorithms.contingency import Contingency

LEAST_PART = 0.01
"""Part of a true object from which an overlap with a segment is more than crumbs."""

RAGGED_NM = 20.0
"""Two people draw the same border as far apart as this: an overlap has to reach deeper."""
RAGGED_PX = 3
"""The same where the voxel size is unknown."""


def deep_inside(truth: NDArray[Any], pixels: float) -> NDArray[np.bool_]:
    """Pixels of a section that are further than this from the border of their object; never those of 0.

    Parameters
    ----------
    truth : ndarray (y, x) of non-negative integers
    pixels : float
    """
    import edt

    labels = np.ascontiguousarray(truth)
    if labels.dtype.kind == "i":
        labels = labels.astype(f"u{labels.dtype.itemsize}")
    return np.asarray(edt.edt(labels, black_border=False, parallel=1) > pixels)


def real_pairs(
    table: Contingency,
    least_part: float = LEAST_PART,
    core: Contingency | None = None,
    least_voxels: int = 0,
) -> NDArray[np.bool_]:
    """Say of every overlap whether it counts as a piece of the object.

    Parameters
    ----------
    table : Contingency
        Overlaps of true objects (``a``, without 0) with segments (``b``).
    least_part : float
        Part of the object from which it counts.
    core : Contingency, optional
        The same overlaps deep inside the objects: there too it has to have that part. Objects that are
        thin everywhere are not asked.
    least_voxels : int
        Overlaps with smaller objects do not count.

    Returns
    -------
    ndarray of bool (n,)
        False for segment 0.
    """
    size = _sizes(table)
    real: NDArray[np.bool_] = (table.count > least_part * size) & (table.b != 0) & (size >= least_voxels)
    if core is None or not len(core):
        return real
    deep = core.where(core.count > least_part * _sizes(core))
    found = np.zeros(len(table), bool)
    # Both tables are sorted by object and segment, so that rows can be looked up as pairs.
    order = np.lexsort((np.r_[table.b, deep.b], np.r_[table.a, deep.a]))
    a, b = np.r_[table.a, deep.a][order], np.r_[table.b, deep.b][order]
    twice = np.flatnonzero((a[1:] == a[:-1]) & (b[1:] == b[:-1]))
    found[order[twice]] = True  # lexsort is stable: the row of the table comes before that of the core
    kept: NDArray[np.bool_] = real & (found | ~np.isin(table.a, core.a))
    return kept


def _sizes(table: Contingency) -> NDArray[np.int64]:
    """Voxels of the object of every row."""
    ids, sizes = table.sizes_a()
    return np.asarray(sizes[np.searchsorted(ids, table.a)])
