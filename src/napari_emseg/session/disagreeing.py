"""Where a colleague's corrections and the project disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from napari_emseg.core.conflicts import decide, decided, load_conflicts, save_conflicts
from napari_emseg.core.errors import EmsegError
from napari_emseg.session.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.core.conflicts import Conflict
    from napari_emseg.core.edit import Edit


class Disagreeing(Kernel):
    """Conflicts are kept in the project until they are decided."""

    def __init__(self, *opened: Any) -> None:
        super().__init__(*opened)
        self._conflicts: tuple[Conflict, ...] = ()
        try:
            self._conflicts = load_conflicts(self.project.folder)
        except EmsegError as error:  # the labels do not depend on it
            self.notices.append(f"{error}.")

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Where a colleague's corrections and this project disagree, decided ones included."""
        return self._conflicts

    def add_conflicts(self, conflicts: Sequence[Conflict]) -> None:
        """Keep conflicts until they are decided, together with those that wait already."""
        self._refuse_if_read_only("importing corrections")
        self._keep_conflicts((*(c for c in self._conflicts if not c.decision), *conflicts))

    def decide_conflict(self, number: int, decision: Literal["mine", "theirs"]) -> Edit:
        """Decide one conflict, as one undoable edit where it changes the labels.

        Parameters
        ----------
        number : int
            Place in `conflicts`.
        decision : {"mine", "theirs"}
        """
        self.commit_stroke()
        self._refuse_if_read_only("the decision")
        edit = decide(self._conflicts[number], decision, self.volume, self.sections)
        self.commit(edit)
        self._keep_conflicts(decided(self._conflicts, number, decision))
        return edit

    def _keep_conflicts(self, conflicts: tuple[Conflict, ...]) -> None:
        save_conflicts(self.project.folder, conflicts)
        self._conflicts = conflicts
        self.history_changed.emit()
