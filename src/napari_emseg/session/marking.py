"""What people say of sections, objects and synapses: marks, locks and answers, and edits that respect them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_emseg.core.edit import Answer, Edit, Lock, Mark, Region, Source
from napari_emseg.core.people import around_people
from napari_emseg.core.sections import SectionState, Status
from napari_emseg.session.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from napari_emseg.core.answers import Sites, Verdict


class Marking(Kernel):
    """Section states, locks and answers."""

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

    def leave_out_missing(self) -> None:
        """Leave out the sections of which the image has nothing but their number."""
        after = SectionState(Status.EXCLUDED, "missing")
        missing = getattr(self.image.data, "missing", ())
        marks = tuple(Mark(z, self.sections[z], after) for z in missing if self.sections[z] != after)
        self.commit(Edit("leave missing sections out", "system", (), marks))

    def lock(self, object_id: int, locked: bool = True) -> Edit:
        """Lock or unlock one object as one undoable edit."""
        before = object_id in self._locked
        locks = (Lock(object_id, before, locked),) if before != locked else ()
        edit = Edit(f"{'lock' if locked else 'unlock'} object {object_id}", "human", (), (), locks)
        self.commit(edit)
        return edit

    def answer(self, sites: Sites, verdict: Verdict, name: str) -> Edit:
        """Say what two sites at a synapse are, as one undoable edit.

        Parameters
        ----------
        sites : tuple of int
            Voxels (z, y, x) of both below each other, as they were found.
        verdict : {"", "right", "wrong", "turned"}
            "turned" is right with the two sides changed over; "" takes back what was said.
        name : str
            Of the edit, for the history.
        """
        before = self._answers.get(sites, "")
        answers = (Answer(sites, before, verdict),) if before != verdict else ()
        edit = Edit(name, "human", answers=answers)
        self.commit(edit, tool="answer")
        return edit

    @property
    def answers(self) -> Mapping[Sites, str]:
        """What is said of the sites of synapses; "" was said and taken back. Changed by `answer` only."""
        return self._answers

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
