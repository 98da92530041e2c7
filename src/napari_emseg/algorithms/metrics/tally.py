"""The overlap table of two volumes, added up section by section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contingency import Contingency, contingency

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WAITING = 1 << 18


class Tally:
    """Counts pairs of labels of many sections; memory follows the number of pairs, not of voxels.

    Parameters
    ----------
    waiting : int
        Rows that are kept apart before they are added up.
    """

    def __init__(self, waiting: int = _WAITING) -> None:
        self._waiting = waiting
        self._parts: list[Contingency] = []
        self._rows = 0

    def add(self, a: NDArray[Any], b: NDArray[Any]) -> None:
        """Count one more section.

        Parameters
        ----------
        a, b : ndarray of non-negative integers, same shape
        """
        self.add_table(contingency(a, b))

    def add_table(self, part: Contingency) -> None:
        """Count one more section that is a table already."""
        self._parts.append(part)
        self._rows += len(part)
        if self._rows > self._waiting:
            self._parts = [sum_of(self._parts)]
            self._rows = min(len(self._parts[0]), self._waiting // 2)

    def table(self) -> Contingency:
        """Everything that was counted, sorted by ``a`` then ``b``."""
        self._parts = [sum_of(self._parts)]
        return self._parts[0]


def sum_of(tables: list[Contingency]) -> Contingency:
    """One table with the counts of all; every pair appears once, sorted by ``a`` then ``b``."""
    if len(tables) == 1:
        return tables[0]
    empty = np.zeros(0, np.int64)
    if not tables:
        return Contingency(empty, empty, empty)
    a, b, count = (np.concatenate([getattr(t, name) for t in tables]) for name in ("a", "b", "count"))
    return added_up(a, b, count)


def added_up(a: NDArray[np.int64], b: NDArray[np.int64], count: NDArray[np.int64]) -> Contingency:
    """A table of pairs (n,) that may appear more than once, in any order."""
    order = np.lexsort((b, a))
    a, b, count = a[order], b[order], count[order]
    first = np.flatnonzero(
        np.r_[True, (a[1:] != a[:-1]) | (b[1:] != b[:-1])] if a.size else np.zeros(0, bool)
    )
    return Contingency(a[first], b[first], np.add.reduceat(count, first) if a.size else count)
