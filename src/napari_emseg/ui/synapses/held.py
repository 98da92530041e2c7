"""The synapses of the open project as the window has them; no Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from napari_emseg.core.edit import Region
from napari_emseg.core.grid import CHUNK
from napari_emseg.jobs.kept_synapses import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.answers import Sites
    from napari_emseg.core.edit import Edit
    from napari_emseg.jobs.kept_synapses import Row, Synapse, Voxel


class HeldSynapses:
    """Synapses, their pairs as they stand, and which of them is looked at.

    Parameters
    ----------
    found : sequence of Synapse
    """

    def __init__(self, found: Sequence[Synapse] = ()) -> None:
        self.found = tuple(found)
        self.n_pairs = sum(len(one.pairs) for one in self.found)
        """Number of pairs."""
        self.chosen: Sites | None = None
        self.are_shown = True
        self.span: tuple[int, int] | None = None
        """First and last section to search; None is all."""
        self.version = 0
        """Another one as soon as the rows are other ones."""
        self._rows: tuple[Row, ...] | None = None
        self._cells: dict[Voxel, int] = {}
        self._answered: tuple[int, int] = -1, 0
        self._near: dict[int, list[Synapse]] | None = None

    def count_answered(self, answers: Mapping[Sites, str]) -> int:
        """Number of pairs of which somebody has said something."""
        if self._answered[0] != self.version:
            n = sum(bool(answers.get(pair.sites)) for one in self.found for pair in one.pairs)
            self._answered = self.version, n
        return self._answered[1]

    def take(self, listed: Listed) -> None:
        """Take over a list with all that was looked up for it."""
        self.found, self._cells, self._near = listed.found, listed.cells, None
        self.n_pairs = len(listed.rows)
        self._changed()
        self._rows = listed.rows

    def put(self, found: Sequence[Synapse]) -> None:
        """Take over what was found anew; the chosen pair stays chosen if it is still there."""
        self.found, self._near = tuple(found), None
        self.n_pairs = sum(len(one.pairs) for one in self.found)
        if self.chosen not in {pair.sites for one in self.found for pair in one.pairs}:
            self.chosen = None
        self._changed()

    def rows(self, answers: Mapping[Sites, str], cell_at: Callable[[Voxel], int]) -> tuple[Row, ...]:
        """All pairs as they stand, the least sure first.

        Parameters
        ----------
        answers : mapping of sites to verdict
        cell_at : callable
            Id of the cell at a voxel; asked once, until an edit reaches the voxel.
        """
        if self._rows is None:
            known = self._cells

            def cell(at: Voxel) -> int:
                if at not in known:
                    known[at] = cell_at(at)
                return known[at]

            self._rows = rows(self.found, answers, cell)
        return self._rows

    def follow(self, edit: Edit) -> None:
        """Forget what an edit has changed; one of a box without voxels stands for anything."""
        if edit.relabel is not None or any(0 in patch.region.shape for patch in edit.patches):
            self._cells.clear()
        elif edit.patches:
            boxes = [(patch.region.start, patch.region.stop) for patch in edit.patches]
            for at in [at for at in self._cells if any(_is_in(at, *box) for box in boxes)]:
                del self._cells[at]
        elif not edit.answers:
            return
        self._changed()

    def places(self, answers: Mapping[Sites, str], section: int | None = None) -> tuple[Row, ...]:
        """Pairs without their cells, which a project with many takes a while to look up: all, or those in a section."""
        if section is None:
            return rows(self.found, answers, lambda at: 0)
        if self._near is None:
            self._near = {}
            for one in self.found:
                for z in {z for pair in one.pairs for z in _between(pair.pre_at[0], pair.post_at[0])}:
                    self._near.setdefault(z, []).append(one)
        near = rows(self._near.get(section, ()), answers, lambda at: 0)
        return tuple(row for row in near if section in _between(row.pre_at[0], row.post_at[0]))

    def _changed(self) -> None:
        self._rows = None
        self.version += 1


class Listed(NamedTuple):
    """A list of synapses with what is looked up for it.

    Attributes
    ----------
    found : tuple of Synapse
    cells : dict of (z, y, x) to int
        Cells at the sites.
    rows : tuple of Row
    """

    found: tuple[Synapse, ...]
    cells: dict[Voxel, int]
    rows: tuple[Row, ...]


def listed(
    found: tuple[Synapse, ...], answers: Mapping[Sites, str], read: Callable[[Region], NDArray[Any]]
) -> Listed:
    """Look up all that a list needs, block by block; a thread may do it.

    Parameters
    ----------
    found : tuple of Synapse
    answers : mapping of sites to verdict
    read : callable
        Gives the ids (z, y, x) of a box.
    """
    blocks: dict[Voxel, set[Voxel]] = {}
    for z, y, x in (at for one in found for pair in one.pairs for at in (pair.pre_at, pair.post_at)):
        blocks.setdefault((z, y // CHUNK[1], x // CHUNK[2]), set()).add((z, y, x))
    cells: dict[Voxel, int] = {}
    for inside in blocks.values():
        z, low_y, low_x = (min(at[axis] for at in inside) for axis in range(3))
        high_y, high_x = (1 + max(at[axis] for at in inside) for axis in (1, 2))
        ids = read(Region((z, low_y, low_x), (z + 1, high_y, high_x)))[0]
        cells |= {at: int(ids[at[1] - low_y, at[2] - low_x]) for at in inside}
    return Listed(found, cells, rows(found, answers, cells.__getitem__))


def _between(a: int, b: int) -> range:
    return range(min(a, b), max(a, b) + 1)


def _is_in(at: Voxel, start: Voxel, stop: Voxel) -> bool:
    return all(a <= p < b for a, p, b in zip(start, at, stop, strict=True))
