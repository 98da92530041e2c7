"""What people say of sections and objects: marks and locks, and edits that respect them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_emseg.core.edit import Edit, Lock, Mark, Region, Source
from napari_emseg.core.people import around_people
from napari_emseg.core.sections import SectionState, Status
from napari_emseg.session.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


class Marking(Kernel):
    """Section states and locks."""

    def mark(self, section: int, status: Status, reason: str = "") -> Edit:
        """Change the state of a section as one undoable edit.

        Parameters
        ----------
        section : int
        status : Status
        reason : str
            Why a section is excluded.
        """
        after = SectionState(Status(status), reason)
        before = self.sections[section]
        marks = (Mark(section, before, after),) if before != after else ()
        edit = Edit(f"mark section {section} {after.status}", "human", (), marks)
        self.commit(edit)
        return edit

    def lock(self, object_id: int, locked: bool = True) -> Edit:
        """Lock or unlock one object as one undoable edit."""
        before = object_id in self._locked
        locks = (Lock(object_id, before, locked),) if before != locked else ()
        edit = Edit(f"{'lock' if locked else 'unlock'} object {object_id}", "human", (), (), locks)
        self.commit(edit)
        return edit

    @property
    def locked(self) -> set[int]:
        """Ids of objects that nothing automatic may overwrite. Changed by `lock` only."""
        return self._locked

    def around_people(
        self,
        name: str,
        source: Source,
        region: Region,
        labels: NDArray[Any],
        *,
        marks: Iterable[Mark] = (),
    ) -> Edit:
        """An edit that writes labels into a box, but not into proofread sections or locked objects.

        See `napari_emseg.core.people.around_people`. The edit is not committed.
        """
        self.commit_stroke()
        return around_people(self.volume, self.sections, self._locked, name, source, region, labels, marks)

    def correction_count(self, section: int) -> int:
        """Number of standing human edits of this section's labels."""
        return self._corrections.get(section, 0)
