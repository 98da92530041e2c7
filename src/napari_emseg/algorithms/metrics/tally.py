"""The overlap table of two volumes, added up section by section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contingency import Contingency, contingency

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WAITING = 1 << 18  # rows that are kept apart before they are added up


class Tally:
    """Counts pairs of labels of many sections; memory follows the number of pairs, not of voxels."""

    def __init__(self) -> None:
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
        if self._rows > _WAITING:
            self._parts = [sum_of(self._parts)]
            self._rows = min(len(self._parts[0]), _WAITING // 2)

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
    order = np.lexsort((b, a))
    a, b, count = a[order], b[order], count[order]
    first = np.flatnonzero(
        np.r_[True, (a[1:] != a[:-1]) | (b[1:] != b[:-1])] if a.size else np.zeros(0, bool)
    )
    return Contingency(a[first], b[first], np.add.reduceat(count, first) if a.size else count)
