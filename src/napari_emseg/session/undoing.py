"""Back and forth through the history of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.answers import standing_answers
from napari_emseg.core.chronicle import event, label_state
from napari_emseg.core.following import catch_up
from napari_emseg.core.moments import edit_back_to, position_of
from napari_emseg.core.sections import SectionState
from napari_emseg.session.kernel import Kernel

if TYPE_CHECKING:
    from napari_emseg.core.edit import Edit
    from napari_emseg.core.journal import Journal


class Undoing(Kernel):
    """Undo, redo, any earlier moment, and what another process has done meanwhile."""

    def undo(self) -> Edit | None:
        """Take the newest edit back; returns what was applied (its inverse), None if there is none."""
        self.commit_stroke()
        self._refuse_if_read_only("undo")
        edit = self._ledger.undo()
        if edit is not None:
            self._applied(edit, -1)
        return edit

    def redo(self) -> Edit | None:
        """Do again what was taken back last; returns what was applied, None if there is nothing."""
        self.commit_stroke()
        self._refuse_if_read_only("redo")
        edit = self._ledger.redo()
        if edit is not None:
            self._applied(edit, 1)
        return edit

    def restore(self, number: int) -> Edit:
        """Bring back labels, section states, locks and answers as they were right after an edit, as one new edit.

        Parameters
        ----------
        number : int
            The edit's number in the journal, see `core.chronicle`.

        Returns
        -------
        Edit
            Committed already; empty where nothing has changed since.

        Raises
        ------
        EmsegError
            If what has changed since is not kept any more, or the project is read-only.
        """
        self.commit_stroke()
        self._refuse_if_read_only("restoring")
        then = event(self._journal, number)
        name = f"restore the moment after “{then.name}”" if then else "restore a moment"
        position = position_of(self._journal, number)
        edit = edit_back_to(
            self._journal, self.volume, self.sections, self._locked, position, name, self._answers
        )
        self.commit(edit)
        return edit

    def refresh(self) -> int:
        """Where another process writes this project: show what it has done since. Returns how many edits those were."""
        if not self.read_only or self._closed:
            return 0
        done = catch_up(self._journal, self.volume)
        if not done:
            return 0
        self._corrections = self._journal.corrections()
        self._answers = standing_answers(self._journal)
        before, self._locked = self._locked, self._journal.locked()
        states = self._journal.section_states()
        changed = [z for z in range(len(self.sections)) if states.get(z, SectionState()) != self.sections[z]]
        for z in changed:
            self.sections.put(z, states.get(z, SectionState()))
        for edit in done:
            self.volume.edited.emit(edit)
            self.edited.emit(edit)
        for z in changed:
            self.sections.changed.emit(z, self.sections[z])
            self.sections_changed.emit(z)
        if before != self._locked:
            self.locked_changed.emit()
        self.history_changed.emit()
        return len(done)

    @property
    def journal(self) -> Journal:
        """The journal, to read the history from (`core.chronicle`); it is written by `commit` only."""
        return self._journal

    @property
    def label_state(self) -> int:
        """A number that names the labels as they are: the same again after undo, and when the project is opened again."""
        return label_state(self._journal)

    @property
    def replayed(self) -> int:
        """Number of edits, undos and redos that opening had to bring to the labels on disk."""
        return self._ledger.replayed

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return self.history.undoable is not None or self.volume.pages.has_stroke

    @property
    def can_redo(self) -> bool:
        """Whether there is something to do again."""
        return self.history.redoable is not None

    @property
    def undo_name(self) -> str:
        """Name of the edit that undo takes back, or empty."""
        return self.history.undoable.name if self.history.undoable else ""

    @property
    def redo_name(self) -> str:
        """Name of the edit that redo does again, or empty."""
        return self.history.redoable.name if self.history.redoable else ""
