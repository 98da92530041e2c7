"""Where a colleague's corrections and the project disagree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from napari_emseg.core.conflicts import decide, decided, load_conflicts, save_conflicts
from napari_emseg.core.errors import EmsegError
from napari_emseg.session.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.core.conflicts import Conflict
    from napari_emseg.core.edit import Edit, Region
    from napari_emseg.core.journal import Entry

    _Key = tuple[int, int, int, Region, object]


class Disagreeing(Kernel):
    """Conflicts are kept in the project until they are decided."""

    def __init__(self, *opened: Any) -> None:
        super().__init__(*opened)
        self._conflicts: tuple[Conflict, ...] = ()
        # of imports that are undone: they wait again when these are made again
        self._withdrawn: tuple[Conflict, ...] = ()
        try:
            self._conflicts, self._withdrawn = self._standing(load_conflicts(self.project.folder))
        except EmsegError as error:  # the labels do not depend on it
            self.notices.append(f"{error}.")
        self._decided_by: dict[int, tuple[_Key, Literal["mine", "theirs"]]] = {}
        # decisions that changed nothing are in no history: with the last edit at that time, to be undone and done again
        self._only_said: list[tuple[_Key, Literal["mine", "theirs"], int]] = []
        self._unsaid: list[tuple[_Key, Literal["mine", "theirs"], int]] = []

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Where a colleague's corrections and this project disagree, decided ones included."""
        return self._conflicts

    def add_conflicts(self, conflicts: Sequence[Conflict]) -> None:
        """Keep conflicts until they are decided, together with those that wait already."""
        self._refuse_if_read_only("importing corrections")
        self._keep_conflicts((*(c for c in self._conflicts if not c.decision), *conflicts))

    def came_with(self, conflicts: Sequence[Conflict], edit: int) -> None:
        """Tie conflicts to the edit that came with them: while it is undone they do not wait.

        Parameters
        ----------
        conflicts : sequence of Conflict
            As they were added.
        edit : int
            Its number in the journal.
        """
        tied = {id(conflict) for conflict in conflicts}
        self._keep_conflicts(
            tuple(replace(c, came_with=edit) if id(c) in tied else c for c in self._conflicts)
        )

    def decide_conflict(self, number: int, decision: Literal["mine", "theirs"]) -> Edit:
        """Decide one conflict, as one undoable edit where it changes the labels; else `unsay` takes it back.

        Parameters
        ----------
        number : int
            Place in `conflicts`.
        decision : {"mine", "theirs"}
        """
        self.commit_stroke()
        self._refuse_if_read_only("the decision")
        edit = decide(self._conflicts[number], decision, self.volume, self.sections, self._answers)
        self.commit(edit)
        key = _key(self._conflicts[number])
        if edit.is_empty:
            self._only_said.append((key, decision, self.history.last_id))
            self._unsaid.clear()
        elif (entry := self.history.undoable) is not None:
            self._decided_by[entry.id] = key, decision
        self._keep_conflicts(decided(self._conflicts, number, decision))
        return edit

    def unsay(self, *, again: bool = False) -> Conflict | None:
        """Take back the last decision that changed no labels, or make it again, if it is newer than the last edit.

        Returns
        -------
        Conflict or None
            As it is then; None where there is no such decision.
        """
        source, target = (self._unsaid, self._only_said) if again else (self._only_said, self._unsaid)
        if self.read_only or not source or source[-1][2] != self.history.last_id:
            return None
        key, decision, _ = source[-1]
        number = next((n for n, conflict in enumerate(self._conflicts) if _key(conflict) == key), None)
        if number is not None:
            self._keep_conflicts(decided(self._conflicts, number, decision if again else ""))
        target.append(source.pop())
        return None if number is None else self._conflicts[number]

    def _applied(self, edit: Edit, direction: int, forgotten: Sequence[Entry] = ()) -> None:
        """A conflict whose decision is undone waits again, one of an import that is undone no longer; redo is the reverse."""
        self._sort_out()
        super()._applied(edit, direction, forgotten)
        entry = self.history.undoable if direction == 1 else self.history.redoable
        if entry is None or entry.id not in self._decided_by:
            return
        key, decision = self._decided_by[entry.id]
        for number, conflict in enumerate(self._conflicts):
            if _key(conflict) == key:
                try:
                    self._keep_conflicts(decided(self._conflicts, number, decision if direction == 1 else ""))
                except EmsegError as error:  # the labels are right; only the list could not be kept
                    self._say(f"{error}.")

    def _sort_out(self) -> None:
        """Withdraw conflicts of imports that are undone, and bring those back that are made again."""
        before = self._conflicts, self._withdrawn
        after = self._standing((*self._conflicts, *self._withdrawn))
        if after == before:
            return
        try:
            save_conflicts(self.project.folder, (*after[0], *after[1]))
        except EmsegError as error:  # the labels are right; only the list could not be kept
            self._say(f"{error}.")
        self._conflicts, self._withdrawn = after

    def _standing(self, conflicts: Sequence[Conflict]) -> tuple[tuple[Conflict, ...], tuple[Conflict, ...]]:
        """Those of imports that stand, and of imports that can be made again; the others are over."""
        states = {
            number: self._journal.rows("SELECT state FROM edits WHERE id = ?", number)
            for number in {conflict.came_with for conflict in conflicts} - {0}
        }
        undone, dropped = (
            {number for number, rows in states.items() if rows and rows[0][0] == state}
            for state in ("undone", "dropped")
        )
        return (
            tuple(c for c in conflicts if c.came_with not in undone | dropped),
            tuple(c for c in conflicts if c.came_with in undone),
        )

    def _keep_conflicts(self, conflicts: tuple[Conflict, ...]) -> None:
        save_conflicts(self.project.folder, (*conflicts, *self._withdrawn))
        self._conflicts = conflicts
        self.history_changed.emit()


def _key(conflict: Conflict) -> _Key:
    """What makes two conflicts the same one, decided or not."""
    sites = None if conflict.answers is None else conflict.answers[0].sites
    return conflict.section, conflict.mine, conflict.theirs, conflict.region, sites
