"""How many links from section to section are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.algorithms.contingency import Contingency

MIN_SHARED_PX = 32
"""Objects that share less with every segment of a section are not asked for there, as in the counts of edits."""


class LinkCount:
    """Counts true, right and false links of a stack, section after section."""

    def __init__(self) -> None:
        self.true = self.made = self.right = 0
        self._before: dict[int, int] | None = None

    def add(self, table: Contingency) -> None:
        """Take in the next section.

        Parameters
        ----------
        table : Contingency
            Overlaps of true objects (``a``, without 0) with segments (``b``, 0 is none) in this section.
        """
        here = main_segments(table)
        before = self._before
        self._before = here
        if before is None:
            return
        self.true += len(before.keys() & here.keys())
        self.right += sum(bool(name) and before.get(key) == name for key, name in here.items())
        used = _counts(before)
        self.made += sum(n * used.get(name, 0) for name, n in _counts(here).items())

    def scores(self) -> dict[str, float | None]:
        """``links`` that there are and ``link_accuracy``: those made rightly, of all that are true or were made."""
        either = self.true + self.made - self.right
        return {"links": self.true, "link_accuracy": self.right / either if either else None}


def main_segments(table: Contingency) -> dict[int, int]:
    """The segment that holds most of every object; 0 where that is none."""
    order: NDArray[np.intp] = np.lexsort((table.b, -table.count, table.a))
    a = table.a[order]
    first = order[np.r_[True, a[1:] != a[:-1]]] if a.size else order
    first = first[table.count[first] > MIN_SHARED_PX]
    return dict(zip(table.a[first].tolist(), table.b[first].tolist(), strict=True))


def _counts(segments: dict[int, int]) -> dict[int, int]:
    names, n = np.unique([name for name in segments.values() if name], return_counts=True)
    return dict(zip(names.tolist(), n.tolist(), strict=True))
