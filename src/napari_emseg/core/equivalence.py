"""The equivalence table: ids that have become other ids, in the order in which that was decided.

A merge, a deletion or a new id of an object changes no voxel. It adds one line here, and pages are translated when
they are read. Lines come and go like a stack, because undo takes back the newest line first. Each line has
a number that grows; a page remembers the number of the last line that its ids have gone through (its *generation*).
Lines up to `retired` have gone through every page and can no longer be taken back: they are not kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import fastremap
import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

_FEW = 4  # ids that are replaced quicker one by one than through a hash table


@dataclass(frozen=True, slots=True)
class Translation:
    """Several lines of the table in one.

    Parameters
    ----------
    pairs : mapping
        Old id to new id, for every id that any of the lines names.
    """

    pairs: Mapping[int, int]

    def meets(self, ids: NDArray[np.unsignedinteger]) -> list[int]:
        """Those of the ids, sorted and unique, that a line names."""
        if len(self.pairs) < ids.size:
            places = np.searchsorted(ids, named := np.fromiter(self.pairs, ids.dtype, len(self.pairs)))
            return [
                int(i) for i, at in zip(named, places.tolist(), strict=True) if at < ids.size and ids[at] == i
            ]
        return [i for i in ids.tolist() if i in self.pairs]

    def changed(self, block: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger] | None:
        """The block after the lines, a new array; None if no id of it is named by any line."""
        if len(self.pairs) <= _FEW:
            out = None
            for old, new in self.pairs.items():
                hit = block == old
                if hit.any():
                    out = block.copy() if out is None else out
                    out[hit] = new
            return out
        here = self.meets(fastremap.unique(block))
        if not here:
            return None
        out = fastremap.remap(block, {i: self.pairs[i] for i in here}, preserve_missing_labels=True)
        return np.asarray(out, dtype=block.dtype)


class Equivalence:
    """The lines that count now."""

    def __init__(self, retired: int = 0) -> None:
        self.retired = retired
        self._numbers: list[int] = []
        self._lines: list[dict[int, int]] = []
        self._since: dict[int, Translation] = {}

    def copy(self) -> Equivalence:
        """An independent table with the same lines."""
        other = Equivalence(self.retired)
        other._numbers, other._lines = list(self._numbers), list(self._lines)
        return other

    @property
    def top(self) -> int:
        """Number of the newest line."""
        return self._numbers[-1] if self._numbers else self.retired

    @property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of all lines, oldest first."""
        return tuple(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def holds(self, generation: int) -> bool:
        """Whether a page of this generation has gone through lines that all still count."""
        at = bisect_left(self._numbers, generation)
        return generation <= self.retired or (at < len(self._numbers) and self._numbers[at] == generation)

    def push(self, number: int, pairs: Iterable[tuple[int, int]]) -> None:
        """Add a line; its number is higher than all others."""
        if number <= self.top:
            raise EmsegError("ids can only be changed in order", f"{number} after {self.top}")
        self._numbers.append(number)
        self._lines.append({old: new for old, new in pairs if old != new})
        self._since.clear()

    def pop(self, number: int) -> None:
        """Take the newest line back.

        Raises
        ------
        EmsegError
            If another line is the newest.
        """
        if not self._numbers or self._numbers[-1] != number:
            raise EmsegError(
                "this change of ids cannot be taken back now", f"change {number}", "undo in order"
            )
        self._numbers.pop()
        self._lines.pop()
        self._since.clear()

    def retire(self, upto: int) -> None:
        """Forget the lines up to a number: every page has gone through them."""
        n = bisect_right(self._numbers, upto)
        if n:
            self.retired = self._numbers[n - 1]
            del self._numbers[:n], self._lines[:n]
            self._since.clear()

    def since(self, generation: int) -> Translation:
        """What a page of this generation still has to go through."""
        start = bisect_right(self._numbers, generation)
        found = self._since.get(start)
        if found is None:
            pairs: dict[int, int] = {}
            for line in reversed(
                self._lines[start:]
            ):  # newest first: what a line gives goes through the later ones
                pairs.update({old: pairs.get(new, new) for old, new in line.items()})
            found = self._since[start] = Translation(pairs)
        return found

    def sources(self, ids: Iterable[int]) -> set[int]:
        """Ids under which voxels of these objects may be stored, the ids themselves included."""
        wanted = set(ids)
        for line in reversed(self._lines):
            wanted |= {old for old, new in line.items() if new in wanted}
        return wanted

    def named(self, after: int = 0) -> set[int]:
        """Ids that lines after a number replace."""
        start = bisect_right(self._numbers, after)
        return {old for line in self._lines[start:] for old in line}
