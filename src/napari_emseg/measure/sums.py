"""Numbers per object that are added up, or kept as extremes, while parts of a volume come by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


class Sums:
    """Adds up columns of numbers per id.

    Parameters
    ----------
    columns : int
    dtype : numpy dtype
        Whole numbers give the same sums in any order.
    """

    def __init__(self, columns: int, dtype: DTypeLike = np.int64) -> None:
        self.ids = np.zeros(0, np.int64)
        self.table: NDArray[Any] = np.zeros((0, columns), dtype)

    def add(self, ids: NDArray[np.int64], rows: NDArray[Any]) -> None:
        """Add rows (n, columns) to those of distinct ids (n,)."""
        self.ids, self.table = _with_room(self.ids, self.table, ids, 0)
        self.table[np.searchsorted(self.ids, ids)] += rows.astype(self.table.dtype)

    def of(self, ids: NDArray[np.int64]) -> NDArray[Any]:
        """Rows of some ids, 0 for those that were never added."""
        return _looked_up(self.ids, self.table, ids)


class Extremes:
    """Keeps the lowest and highest corner of boxes per id."""

    def __init__(self, axes: int) -> None:
        self.ids = np.zeros(0, np.int64)
        self.low = np.zeros((0, axes), np.int64)
        self.high = np.zeros((0, axes), np.int64)

    def add(self, ids: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64]) -> None:
        """Widen the boxes of distinct ids (n,) to corners (n, axes)."""
        _, self.low = _with_room(self.ids, self.low, ids, np.iinfo(np.int64).max)
        self.ids, self.high = _with_room(self.ids, self.high, ids, np.iinfo(np.int64).min)
        where = np.searchsorted(self.ids, ids)
        self.low[where] = np.minimum(self.low[where], low)
        self.high[where] = np.maximum(self.high[where], high)


def _with_room(
    known: NDArray[np.int64], table: NDArray[Any], ids: NDArray[np.int64], start: int
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Ids and table with rows for new ids too."""
    new = np.setdiff1d(ids, known)
    if not new.size:
        return known, table
    every = np.union1d(known, new)
    wider = np.full((every.size, table.shape[1]), start, table.dtype)
    wider[np.searchsorted(every, known)] = table
    return every, wider


def _looked_up(known: NDArray[np.int64], table: NDArray[Any], ids: NDArray[np.int64]) -> NDArray[Any]:
    if not known.size:
        return np.zeros((ids.size, table.shape[1]), table.dtype)
    where = np.minimum(np.searchsorted(known, ids), known.size - 1)
    return np.where((known[where] == ids)[:, None], table[where], np.zeros(1, table.dtype))
