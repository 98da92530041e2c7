"""The branches page: the tree of one object; it takes the place of the open stage while it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.branch_tree import BranchTree
from napari_emseg.ui.flows import branching
from napari_emseg.ui.panels.base import faint, heading, row
from napari_emseg.ui.progress_line import ProgressLine
from napari_emseg.ui.runner import Handlers, Work
from napari_emseg.ui.saving import ask_name
from napari_emseg.ui.saying import Saying
from napari_emseg.ui.says import SpeakingLine

if TYPE_CHECKING:
    from napari_emseg.jobs.branch_view import BranchView
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.style import Look

_LEGEND = "Broken orange: doubtful. Dotted: skips sections."
_HELP = "Click a piece or use the arrow keys to go there; Ctrl and the wheel, + and - zoom"


class BranchPage(QWidget):
    """The tree, what it says in numbers, and files of it.

    Parameters
    ----------
    desk : Desk
        Whose objects are shown.
    """

    closed = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("branchPage")
        self.desk = desk
        self.object_id = 0
        self.tree = BranchTree()
        self.title = heading("Branches")
        back = QPushButton("Close    Esc")
        back.setObjectName("close_branches")
        back.clicked.connect(self.closed)
        self.again = QPushButton("Draw again")
        self.again.setObjectName("draw_again")
        self.again.setToolTip("The object under the mouse has changed, or another one is chosen")
        self.again.clicked.connect(self._on_again)
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.again)
        top.addWidget(back)
        self.doubt = QPushButton("Next doubt")
        self.doubt.setObjectName("tree_doubt")
        self.doubt.clicked.connect(self._on_doubt)
        self.whole = QPushButton("Whole tree")
        self.whole.setObjectName("tree_fit")
        self.whole.clicked.connect(lambda: self.tree.fit())
        self.save = QPushButton("Save ...")
        self.save.setObjectName("save_tree")
        self.save.setToolTip("As SWC (a skeleton) or GraphML (every link with its confidence)")
        self.save.clicked.connect(self._on_save)
        self.progress = ProgressLine()
        self.progress.stopped.connect(lambda: desk.runner.stop(branching.KEY))
        self.says = SpeakingLine()
        self.says.followed.connect(desk.do)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.addLayout(top)
        column.addWidget(self.tree, 1)
        column.addWidget(self.progress)
        column.addWidget(self.says)
        column.addLayout(row(self.doubt, self.whole, self.save, equal=False))
        column.addWidget(faint(_LEGEND))
        self.tree.setToolTip(_HELP)
        self.tree.picked.connect(self._on_picked)
        desk.section_changed.connect(self._on_section)
        desk.session_changed.connect(self._on_session)
        self._place = -1
        self._show(None)

    def set_look(self, look: Look) -> None:
        """Take the colours of the theme."""
        self.tree.set_look(look)
        self.says.set_look(look)
        self.progress.bar.set_look(look)

    def begin(self, object_id: int) -> None:
        """Draw the tree of an object."""
        self.object_id = object_id
        self._show(None)
        self.title.setText(f"Branches of object {object_id}")
        self._on_progress(Work(-1, "reading", None, {}))
        try:
            handlers = Handlers(self._on_done, self._on_failed, self._on_stopped, self._on_progress)
            branching.draw(self.desk, object_id, handlers)
        except EmsegError as error:
            self._on_failed(error)

    def _on_again(self) -> None:
        try:
            meant = branching.object_meant(self.desk)
        except EmsegError as error:
            self._on_failed(error)
            return
        self.begin(meant)

    @property
    def view(self) -> BranchView | None:
        """The tree that is shown."""
        return self.tree.view

    def _show(self, view: BranchView | None) -> None:
        self.tree.show_view(view)
        self._place = -1
        for button in (self.whole, self.save):
            button.setEnabled(view is not None)
        self.doubt.setEnabled(view is not None and bool(view.doubtful.size))

    def _on_progress(self, work: Work) -> None:
        self.progress.show_progress(work.fraction, work.message, work.remaining_s)

    def _on_done(self, view: BranchView) -> None:
        self.progress.finish()
        self._show(view)
        self.tree.show_section(self.desk.section)
        n, parts, doubts = view.section.size, view.n_parts, int(view.doubtful.size)
        first, last = int(view.section[0]), int(view.section[-1])
        text = f"{n} pieces in sections {first} to {last}. " if n > 1 else f"One piece, in section {first}. "
        if view.n_branches:
            text += f"It branches {_times(view.n_branches)}. "
        elif n > 1 and parts == 1:
            text += "It does not branch. "
        if doubts:
            text += f"{doubts} link{'s are' if doubts != 1 else ' is'} doubtful."
        elif n > 1:
            text += "No link is doubtful."
        text = text.strip()
        if parts > 1:
            text += f" It is in {parts} parts that do not touch: check whether they are one object."
        self.says.say(Saying(text, tone="done"))
        self.tree.setFocus()

    def _on_failed(self, error: EmsegError) -> None:
        self.progress.finish()
        text = str(error)
        self.says.say(Saying(f"{text[:1].upper()}{text[1:]}.", tone="error"))

    def _on_stopped(self) -> None:
        self.progress.finish()
        self.says.say(Saying("Stopped."))

    def _on_section(self, section: int) -> None:
        if self.isVisible():
            self.tree.show_section(section)

    def _on_session(self) -> None:
        self.progress.finish()
        self._show(None)
        self.title.setText("Branches")
        self.says.say(Saying(""))

    def _on_picked(self, piece: int) -> None:
        if self.view is not None:
            branching.go_to_piece(self.desk, self.view, piece)

    def _on_doubt(self) -> None:
        """Go to the next doubtful link, the least certain first."""
        if self.view is None or not self.view.doubtful.size:
            return
        self._place = (self._place + 1) % self.view.doubtful.size
        link = int(self.view.doubtful[self._place])
        a, b = self.view.graph.edges[link].tolist()
        self.tree.choose(b)
        self._on_picked(b)
        sure = self.view.graph.confidence[link]
        self.says.say(
            Saying(
                f"Doubtful link {self._place + 1} of {self.view.doubtful.size}: from section {self.view.section[a]} to "
                f"{self.view.section[b]}, {sure:.0%} sure."
            )
        )

    def _on_save(self) -> None:
        start, words = f"object-{self.object_id}.swc", "SWC (*.swc);;GraphML (*.graphml)"
        if path := ask_name(self, "Save the tree", start, words, ".swc", also=(".graphml",)):
            self.save_tree(path)

    def save_tree(self, path: str) -> None:
        """Write the tree that is shown."""
        if self.view is None:
            return
        try:
            session, _ = self.desk.need_session()
            self.says.say(Saying(branching.export(self.view, path, session.image), tone="done"))
        except EmsegError as error:
            self._on_failed(error)


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{n} times")
