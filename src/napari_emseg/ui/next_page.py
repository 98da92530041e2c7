"""The page of what to proofread next: sections and places, best first, each with its reason; a click goes there."""

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

from napari_emseg.ui.flows import suggesting
from napari_emseg.ui.panels.base import action_button, faint, heading, page_top
from napari_emseg.ui.progress_line import ProgressLine
from napari_emseg.ui.saying import Saying
from napari_emseg.ui.says import SpeakingLine

if TYPE_CHECKING:
    from napari_emseg.jobs.suggest import Suggestion
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.runner import Work
    from napari_emseg.ui.style import Look

_STAGE = "proofread"
_LOWEST = 110
_SECTIONS = 8  # of them are listed, as many as there are places
_ONE = Qt.ItemDataRole.UserRole
_IS_PLACE = Qt.ItemDataRole.UserRole + 1
_HELP = "What the model is unsure about, or has not been shown yet, teaches it most."


class NextPage(QWidget):
    """Takes the place of the open stage while it is shown.

    Parameters
    ----------
    desk : Desk
        Whose suggestions are shown.
    """

    closed = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("nextPage")
        self.desk = desk
        self._shown: Any = None
        self.list = QListWidget()
        self.list.setObjectName("suggestions")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setWordWrap(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the canvas
        self.list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.list.setMinimumHeight(_LOWEST)
        self.list.itemClicked.connect(self._go)
        self.list.itemActivated.connect(self._go)
        self.again = action_button(desk, "suggest_again")
        self.progress = ProgressLine()
        self.progress.stopped.connect(lambda: desk.stop(_STAGE))
        self.says = SpeakingLine()
        self.says.followed.connect(desk.do)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(6)
        column.addLayout(page_top(self, "next", heading("What next")))
        column.addWidget(faint(_HELP))
        column.addWidget(self.list, 1)
        column.addWidget(self.progress)
        column.addWidget(self.says)
        column.addWidget(self.again)
        self.says.say(Saying(""))
        desk.session_changed.connect(self.follow)
        desk.state_changed.connect(self.follow)
        desk.said.connect(self._on_said)
        desk.worked.connect(self._on_worked)

    def set_look(self, look: Look) -> None:
        """Take the colours of the theme."""
        self.says.set_look(look)
        self.progress.bar.set_look(look)

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """It is opened."""
        super().showEvent(event)
        self.says.say(Saying(""))
        self.follow()

    def follow(self) -> None:
        """Show the list; what has been decided meanwhile is grey. Nothing while the page is hidden."""
        if not self.isVisible():
            return
        found = self.desk.suggestions
        if found is not self._shown:
            self._shown = found
            self._fill()
        self.again.setEnabled(self.desk.session is not None and _STAGE not in self.desk.work)
        for n in range(self.list.count()):
            item = self.list.item(n)
            one = None if item is None else item.data(_ONE)
            if item is None or one is None:
                continue
            text = self._line(one, bool(item.data(_IS_PLACE)))
            if item.text() != text:
                item.setText(text)
            if one is self.desk.suggested and self.desk.section == one.section:
                self.list.setCurrentItem(item)

    def _fill(self) -> None:
        self.list.clear()
        found = self._shown
        if found is None:
            return
        self._add_heading("Sections, best first")
        for one in found.sections[:_SECTIONS]:
            self._add(one, is_place=False)
        if found.regions:
            self._add_heading("Places that differ from each other")
        for one in found.regions:
            self._add(one, is_place=True)

    def _add_heading(self, text: str) -> None:
        item = QListWidgetItem(text)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        font = item.font()
        font.setBold(True)
        item.setFont(font)
        self.list.addItem(item)

    def _add(self, one: Suggestion, *, is_place: bool) -> None:
        item = QListWidgetItem(self._line(one, is_place))
        item.setData(_ONE, one)
        item.setData(_IS_PLACE, is_place)
        self.list.addItem(item)

    def _line(self, one: Suggestion, is_place: bool) -> str:
        session = self.desk.session
        where = f"Section {one.section}" + (
            f", around y {one.point[0]}, x {one.point[1]}" if is_place else ""
        )
        if session is not None and not suggesting.is_open(self.desk, one):
            return f"{where}  ·  {session.sections[one.section].status.value}"
        return f"{where}  ·  {suggesting.words(one)}"

    def _go(self, item: QListWidgetItem) -> None:
        one = item.data(_ONE)
        if one is not None:
            suggesting.look_at(self.desk, one, closely=bool(item.data(_IS_PLACE)))

    def _on_said(self, stage: str, saying: Saying) -> None:
        if self.isVisible():
            self.says.say(saying)

    def _on_worked(self, stage: str, work: Work | None) -> None:
        if stage != _STAGE:
            return
        if work is None:
            self.progress.finish()
        else:
            self.progress.show_progress(work.fraction, work.message, work.remaining_s)
