"""Connected parts of a stack that is read section by section."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.stitching import union

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PartNumbers:
    """Numbers of the 26-connected parts of a mask; two sections are in memory."""

    def __init__(self) -> None:
        self._last = 0
        self._below: NDArray[np.int64] | None = None
        self._pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []

    def add(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Number the parts of the next section (y, x); 0 is outside. What is one through others has several numbers."""
        import cc3d

        # cc3d 4.1 takes parts of truth values apart that touch at corners; of whole numbers it does not.
        eight_bits = np.ascontiguousarray(mask).view(np.uint8)
        parts = cc3d.connected_components(eight_bits, connectivity=8).astype(np.int64)
        parts[parts > 0] += self._last
        self._last = max(self._last, int(parts.max(initial=0)))
        if self._below is not None:
            self._link(self._below, parts)
        self._below = parts
        return parts

    def final(self) -> NDArray[np.int64]:
        """Number of the part of every number; the smallest one, 0 for 0."""
        return union(self._pairs, self._last)

    def _link(self, below: NDArray[np.int64], above: NDArray[np.int64]) -> None:
        height, width = above.shape
        around = np.pad(below, 1)
        one: list[NDArray[np.int64]] = []
        two: list[NDArray[np.int64]] = []
        for dy in range(3):
            for dx in range(3):
                other = around[dy : dy + height, dx : dx + width]
                both = (above > 0) & (other > 0)
                one.append(other[both])
                two.append(above[both])
        low, high = np.concatenate(one), np.concatenate(two)
        if low.size:
            first = int(low.min()), int(high.min())  # small numbers are counted and not sorted
            pairs = contingency(low - first[0], high - first[1])
            self._pairs.append((pairs.a + first[0], pairs.b + first[1]))


class PatchSizes:
    """How large the patches of one value are; they are connected by faces, and 0 is none."""

    def __init__(self) -> None:
        self._closed: Counter[int] = Counter()
        self._below: tuple[NDArray[Any], NDArray[np.int64]] | None = None
        self._open = np.zeros(1, np.int64)  # voxels so far of each patch of the section below

    def add(self, section: NDArray[Any]) -> None:
        """Look at the next section (y, x) of whole numbers."""
        import cc3d

        own = np.require(section, requirements=["C", "W"])  # cc3d takes no array of a mapped file
        parts = cc3d.connected_components(own, connectivity=4).astype(np.int64)
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        if self._below is not None:
            values, below = self._below
            goes_on = (parts > 0) & (values == section)
            pairs = contingency(below[goes_on], parts[goes_on])
            before = self._open.size - 1
            group = union([(pairs.a, pairs.b + before)], before + sizes.size - 1)
            total = np.bincount(group, np.r_[self._open, sizes[1:]], minlength=group.size).astype(np.int64)
            here = np.r_[0, group[before + 1 :]]
            is_open = np.zeros(group.size, bool)
            is_open[here] = True
            self._close(total[~is_open & (group == np.arange(group.size))])
            names, parts_of = np.unique(here, return_inverse=True)  # 0 is the smallest
            parts, sizes = parts_of[parts], total[names]
            sizes[0] = 0
        self._below, self._open = (section, parts), sizes

    def median(self) -> float | None:
        """The median in voxels once all sections were looked at; None where there is no patch."""
        self._close(self._open[1:])
        self._below, self._open = None, np.zeros(1, np.int64)
        n = self._closed.total()
        if not n:
            return None
        sizes = sorted(self._closed)
        upto = np.cumsum([self._closed[size] for size in sizes])
        middle = [sizes[int(np.searchsorted(upto, k, side="right"))] for k in ((n - 1) // 2, n // 2)]
        return sum(middle) / 2

    def _close(self, sizes: NDArray[np.int64]) -> None:
        found, count = np.unique(sizes[sizes > 0], return_counts=True)
        self._closed.update(dict(zip(found.tolist(), count.tolist(), strict=True)))
