"""The synapses of the open project as the window has them; no Qt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_emseg.jobs.kept_synapses import row_of, rows
from napari_emseg.ui.synapses.index import between, index_of, places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_emseg.core.answers import Sites
    from napari_emseg.core.edit import Edit
    from napari_emseg.jobs.kept_synapses import Row, Synapse, Voxel
    from napari_emseg.ui.synapses.index import Index, Listed


_MANY = 1000
"""Voxels: to look up more of them one by one takes longer than a window may stand still."""

_REMEMBERED = 100  # edits: who has not followed for longer draws all rows


class HeldSynapses:
    """Synapses, their pairs as they stand, and which of them is looked at.

    What an edit changes is looked up anew, and nothing else.

    Parameters
    ----------
    found : sequence of Synapse
    """

    def __init__(self, found: Sequence[Synapse] = ()) -> None:
        self.chosen: Sites | None = None
        self.are_shown = True
        self.span: tuple[int, int] | None = None
        """First and last section to search; None is all."""
        self.version = 0
        """Another one as soon as any row is another one."""
        self.drawn: object = None
        """What is drawn in the stack."""
        self.is_held = False
        """Whether nothing is drawn for the moment, because more is to come."""
        self._answered: tuple[int, int] = -1, 0
        self._cells: dict[Voxel, int] = {}
        self._hold(tuple(found), index_of(found))

    def _hold(self, found: tuple[Synapse, ...], index: Index) -> None:
        self.found, self.index = found, index
        self.n_pairs = sum(len(one.pairs) for one in found)
        """Number of pairs."""
        if self.chosen not in index.sites:
            self.chosen = None
        self._forget_rows()

    def _forget_rows(self) -> None:
        self._rows: list[Row] | None = None
        self._places: dict[Sites, tuple[int, ...]] = {}
        self._stale: set[Sites] = set()
        self._changes: list[set[Sites]] = []
        self.version += 1

    def __contains__(self, sites: Sites) -> bool:
        """Whether there is a pair of these sites."""
        return sites in self.index.sites

    def place_of(self, sites: Sites | None) -> int | None:
        """Where a pair stands among the rows that were asked for last, or None."""
        return None if sites not in self._places else self._places[sites][0]

    def count_answered(self, answers: Mapping[Sites, str]) -> int:
        """Number of pairs of which somebody has said something."""
        if self._answered[0] != self.version:
            said = {sites for sites, verdict in answers.items() if verdict} & self.index.sites
            n = len(said) + sum(self.index.further.get(sites, 0) for sites in said)
            self._answered = self.version, n
        return self._answered[1]

    def take(self, listed: Listed) -> None:
        """Take over a list with all that was looked up for it; the chosen pair stays chosen if it is still there."""
        self._hold(listed.found, listed.index)
        self._cells, self._rows, self._places = listed.cells, listed.rows, listed.places

    def put(self, found: Sequence[Synapse]) -> None:
        """Take over what was found anew; the chosen pair stays chosen if it is still there."""
        self._hold(tuple(found), index_of(found))

    @property
    def takes_long(self) -> bool:
        """Whether so many cells are to be looked up that a thread should."""
        if self._rows is not None:
            return 2 * len(self._stale) > _MANY
        return 2 * self.n_pairs > _MANY and 2 * self.n_pairs - len(self._cells) > _MANY

    def rows(self, answers: Mapping[Sites, str], cell_at: Callable[[Voxel], int]) -> tuple[Row, ...]:
        """All pairs as they stand, the least sure first.

        Parameters
        ----------
        answers : mapping of sites to verdict
        cell_at : callable
            Id of the cell at a voxel; asked once, until an edit reaches the voxel.
        """
        known = self._cells

        def cell(at: Voxel) -> int:
            if at not in known:
                known[at] = cell_at(at)
            return known[at]

        if self._rows is None:
            self._rows = list(rows(self.found, answers, cell))
            self._places = places_of(self._rows)
        elif self._stale:
            for place in self._stale_places():
                before = self._rows[place]
                self._rows[place] = row_of(before.number, before.synapse, before.pair, answers, cell)
            self._stale.clear()
        return tuple(self._rows or ())

    def changed_since(self, version: int) -> set[Sites] | None:
        """Pairs whose rows are other ones since a version; None if all may be."""
        back = self.version - version
        if self._rows is None or not 0 <= back <= len(self._changes):
            return None
        return set().union(*self._changes[len(self._changes) - back :])

    def follow(self, edit: Edit) -> None:
        """Forget what an edit has changed; one of a box without voxels stands for anything."""
        if any(0 in patch.region.shape for patch in edit.patches):
            self._cells.clear()
            self._forget_rows()
            return
        if edit.relabel is None and not edit.patches and not edit.answers:
            return
        changed = {answer.sites for answer in edit.answers} & self.index.sites
        for at in self._moved(edit):
            self._cells.pop(at, None)
            changed.update(self.index.owners.get(at, ()))
        if self._rows is None:
            self._forget_rows()
            return
        self._stale |= changed
        self._changes = [*self._changes[-_REMEMBERED:], changed]
        self.version += 1

    def places(self, answers: Mapping[Sites, str]) -> tuple[Row, ...]:
        """All pairs without their cells, which a project with many takes a while to look up."""
        if self._rows is None:
            return rows(self.found, answers, lambda at: 0)
        found = list(self._rows)
        for place in self._stale_places():
            found[place] = replace(found[place], verdict=answers.get(found[place].sites, ""))
        return tuple(found)

    def places_in(self, answers: Mapping[Sites, str], section: int) -> tuple[Row, ...]:
        """Pairs of a section without their cells."""
        near = rows(self.index.near.get(section, ()), answers, lambda at: 0)
        return tuple(row for row in near if section in between(row.pre_at[0], row.post_at[0]))

    def places_near(self, answers: Mapping[Sites, str], section: int, most: int) -> tuple[Row, ...]:
        """So many pairs without their cells, those in the sections nearest to one; that one's own all the same."""
        found: dict[int, Synapse] = {}
        n = 0
        for z in sorted(self.index.near, key=lambda z: abs(z - section)):
            if n >= most:
                break
            for one in self.index.near[z]:
                if id(one) not in found:
                    found[id(one)] = one
                    n += len(one.pairs)
        return rows(found.values(), answers, lambda at: 0)

    def _stale_places(self) -> list[int]:
        return [place for sites in self._stale for place in self._places[sites]]

    def _moved(self, edit: Edit) -> list[Voxel]:
        """Voxels of known cells that an edit may have changed."""
        if edit.relabel is not None:
            touched = {cell for pair in edit.relabel.pairs for cell in pair}
            return [at for at, cell in self._cells.items() if cell in touched]
        if not edit.patches:
            return []
        found = []
        for patch in edit.patches:
            start, stop = patch.region.start, patch.region.stop
            for z in range(start[0], stop[0]):
                found += [at for at in self.index.by_section.get(z, ()) if _is_in(at, start, stop)]
        return found


def _is_in(at: Voxel, start: Voxel, stop: Voxel) -> bool:
    return all(a <= p < b for a, p, b in zip(start, at, stop, strict=True))
