"""The synapses of the open project as the window has them; no Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.jobs.kept_synapses import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
        self.chosen: Sites | None = None
        self.are_shown = True
        self.span: tuple[int, int] | None = None
        """First and last section to search; None is all."""
        self.version = 0
        """Another one as soon as the rows are other ones."""
        self._rows: tuple[Row, ...] | None = None
        self._cells: dict[Voxel, int] = {}

    @property
    def n_pairs(self) -> int:
        """Number of pairs."""
        return sum(len(one.pairs) for one in self.found)

    def count_answered(self, answers: Mapping[Sites, str]) -> int:
        """Number of pairs of which somebody has said something."""
        return sum(bool(answers.get(pair.sites)) for one in self.found for pair in one.pairs)

    def put(self, found: Sequence[Synapse]) -> None:
        """Take over what was found anew; the chosen pair stays chosen if it is still there."""
        self.found = tuple(found)
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

    def places(self, answers: Mapping[Sites, str]) -> tuple[Row, ...]:
        """All pairs without their cells, which a project with many takes a while to look up."""
        return rows(self.found, answers, lambda at: 0)

    def _changed(self) -> None:
        self._rows = None
        self.version += 1


def _is_in(at: Voxel, start: Voxel, stop: Voxel) -> bool:
    return all(a <= p < b for a, p, b in zip(start, at, stop, strict=True))
