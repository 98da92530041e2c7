"""The conflicts page: where two people disagree, one line each; two keys decide and go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_emseg.ui.flows import conflicts
from napari_emseg.ui.panels.base import action_button, faint, heading, page_top, row
from napari_emseg.ui.saying import Saying
from napari_emseg.ui.says import SpeakingLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.core.conflicts import Conflict
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.style import Look

_LOWEST = 110
_SHOWS = {
    "pixels": "The white outline shows where you disagree",
    "section": "You disagree about this section",
    "synapse": "You disagree about the pair that is marked",
}
_DECIDED = {"mine": "kept yours", "theirs": "took theirs"}


class ConflictsPage(QWidget):
    """Takes the place of the open stage while it is shown.

    Parameters
    ----------
    desk : Desk
        Whose session is shown.
    """

    closed = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("conflictsPage")
        self.desk = desk
        self.list = QListWidget()
        self.list.setObjectName("conflicts")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setWordWrap(True)
        self.list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.list.setMinimumHeight(_LOWEST)
        self.list.itemClicked.connect(lambda item: conflicts.look_at(desk, self.list.row(item)))
        self._places: Sequence[object] = []
        self.count = faint()
        self.mine = action_button(desk, "keep_mine", primary=True)
        self.theirs = action_button(desk, "take_theirs", primary=True)
        self.later = action_button(desk, "next_conflict")
        self.says = SpeakingLine()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.addLayout(page_top(self, "conflicts", heading("Conflicts"), self.count))
        column.addWidget(self.list, 1)
        column.addLayout(row(self.mine, self.theirs))
        column.addLayout(row(self.later))
        column.addWidget(self.says)
        desk.session_changed.connect(self._on_session)
        desk.state_changed.connect(self.follow)

    def set_look(self, look: Look) -> None:
        """Take the colours of the theme."""
        self.says.set_look(look)

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Begin with the first that waits."""
        super().showEvent(event)
        self.follow()
        left = conflicts.waiting(self.desk)
        if left:
            conflicts.look_at(self.desk, left[0])

    def hideEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """The drawing on the canvas goes with the page."""
        super().hideEvent(event)
        conflicts.hide(self.desk)

    def _on_session(self) -> None:
        """Those of the stack that was open are no business of the next one, and what is said of that stands in the stage."""
        self.follow()
        if self.isVisible():
            self.closed.emit()

    def follow(self) -> None:
        """Show what is decided; nothing while the page is hidden."""
        session = self.desk.session
        found = () if session is None else session.conflicts
        places = [(c.section, c.region, c.came_with, c.mine, c.theirs) for c in found]
        if self._places != places:  # also by undo of an import: the chosen number would be another one's
            self._places, self.desk.conflict = places, -1
            conflicts.hide(self.desk)
        if not self.isVisible() or session is None:
            return
        left = conflicts.waiting(self.desk)
        if left and not 0 <= self.desk.conflict < len(found):  # a decision was taken back
            conflicts.look_at(self.desk, left[0])
            return
        self._list(found)
        chosen = found[self.desk.conflict] if 0 <= self.desk.conflict < len(found) else None
        self.list.setCurrentRow(-1 if chosen is None else self.desk.conflict)
        self.count.setText(f"{len(left)} of {len(found)} wait" if found else "")
        for button in (self.mine, self.theirs):
            button.setEnabled(chosen is not None and not session.read_only)
        self.later.setEnabled(len(left) > 1)
        if not found:
            text = "There are no conflicts."
        elif left:
            text = f"{_SHOWS['pixels' if chosen is None else _kind(chosen)]}. Yours is kept until you decide."
        else:
            text = "Everything is decided. Click a line to decide it differently."
        if text != self.says.saying.text:
            self.says.say(Saying(text, tone="quiet" if left else "done"))

    def _list(self, found: Sequence[Conflict]) -> None:
        """A line for each; lines that stay the same are not touched."""
        while self.list.count() > len(found):
            self.list.takeItem(self.list.count() - 1)
        for n, conflict in enumerate(found):
            if n >= self.list.count():
                self.list.addItem(QListWidgetItem())
            done = _DECIDED.get(conflict.decision, "")
            words = f"Section {conflict.section}  ·  {conflict.words}" + (f"  ·  {done}" if done else "")
            item = self.list.item(n)
            if item is not None and item.text() != words:
                item.setText(words)


def _kind(conflict: Conflict) -> str:
    if conflict.answers is not None:
        return "synapse"
    return "pixels" if conflict.states is None else "section"
