"""The tidy page: what to do, where, and what would change; it takes the place of the open stage while it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from napari_emseg.ui.flows.tidying import TidyPreview
from napari_emseg.ui.forms import LABEL_WIDTH
from napari_emseg.ui.panels.base import action_button, faint, heading, page_top, row, set_words
from napari_emseg.ui.progress_line import ProgressLine
from napari_emseg.ui.saying import Saying
from napari_emseg.ui.says import SpeakingLine

if TYPE_CHECKING:
    from qtpy.QtGui import QHideEvent, QShowEvent

    from napari_emseg.ui.panels.base import StagePanel
    from napari_emseg.ui.runner import Work
    from napari_emseg.ui.style import Look

NOT_HERE = ("split_parts", "max_volume_um3", "drop_at_edge")
"""Settings of the command that change ids or lose objects all over a project."""

_STAGE = "proofread"
_HELP = "What is proofread, left out or locked stays as it is. Objects are measured through all sections."


class TidyPage(QWidget):
    """While it is open, what would change in the section on screen is shown over it.

    Parameters
    ----------
    panel : StagePanel
        Of the stage to which it belongs.
    """

    closed = Signal()

    def __init__(self, panel: StagePanel) -> None:
        super().__init__()
        self.setObjectName("tidyPage")
        self.desk = desk = panel.desk
        self.preview: TidyPreview | None = None
        self.form = panel.settings_form("tidy", hidden=NOT_HERE)
        self.where = QComboBox()
        self.where.setObjectName("tidy_where")
        self.where.addItems(["this section", "the whole stack"])
        self.where.activated.connect(self._on_where)
        label = QLabel("Where")
        label.setFixedWidth(LABEL_WIDTH)
        label.setBuddy(self.where)
        where = row(label, self.where, equal=False)
        where.setStretch(1, 1)
        self.about = faint()
        self.do = action_button(desk, "tidy", primary=True)
        self.progress = ProgressLine()
        self.progress.stopped.connect(lambda: desk.stop(_STAGE))
        self.says = SpeakingLine()
        self.says.followed.connect(desk.do)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 12, 6)
        column.setSpacing(5)
        column.addLayout(page_top(self, "tidy", heading("Tidy objects")))
        column.addWidget(self.form)
        column.addLayout(where)
        column.addWidget(self.about)
        column.addWidget(self.do)
        column.addWidget(self.progress)
        column.addWidget(self.says)
        self.help = faint(_HELP)
        column.addWidget(self.help)
        column.addStretch(1)
        self._say(Saying(""))
        self._connect()

    def set_look(self, look: Look) -> None:
        """Take the colours of the theme."""
        self.says.set_look(look)
        self.progress.bar.set_look(look)

    def refresh(self) -> None:
        """Follow the desk."""
        session = self.desk.session
        self.about.setText("" if self.preview is None else self.preview.words)
        self.where.setCurrentIndex(int(self.desk.tidy_all))
        where = "the whole stack" if self.desk.tidy_all else f"section {self.desk.section}"
        set_words(self.do, "tidy", f"Tidy {where}")
        self.do.setEnabled(session is not None and _STAGE not in self.desk.work)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """It is opened."""
        super().showEvent(event)
        self._say(Saying(""))
        self.refresh()
        if self.preview is not None:
            self.preview.show()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """The stage is shown again, or another one."""
        super().hideEvent(event)
        if self.preview is not None:
            self.preview.hide()

    def _connect(self) -> None:
        desk = self.desk
        desk.session_changed.connect(self._on_session)
        desk.settings_changed.connect(self._on_settings)
        desk.section_changed.connect(self._on_section)
        desk.state_changed.connect(self._on_state)
        desk.said.connect(self._on_said)
        desk.worked.connect(self._on_worked)

    def _on_session(self) -> None:
        session = self.desk.session
        self.preview = None if session is None else TidyPreview(self.desk)
        if session is not None:
            session.edited.connect(self._on_edited)  # goes with the session
        if self.preview is not None and self.isVisible():
            self.preview.show()

    def _on_edited(self, edit: object) -> None:
        self._look_again()

    def _on_settings(self, stage: str) -> None:
        if stage == "tidy":
            self._look_again()

    def _on_section(self, section: int) -> None:
        self._look_again()

    def _on_state(self) -> None:
        if self.isVisible():
            self.refresh()

    def _on_said(self, stage: str, saying: Saying) -> None:
        if self.isVisible():
            self._say(saying)

    def _say(self, saying: Saying) -> None:
        """On a small screen what has happened and what always holds have no room together."""
        self.says.say(saying)
        self.says.setVisible(bool(saying.text))
        self.help.setVisible(not saying.text)

    def _on_worked(self, stage: str, work: Work | None) -> None:
        if stage != _STAGE:
            return
        if work is None:
            self.progress.finish()
        else:
            self.progress.show_progress(work.fraction, work.message, work.remaining_s)

    def _on_where(self, index: int) -> None:
        self.desk.tidy_all = index == 1
        self.refresh()

    def _look_again(self) -> None:
        if self.preview is not None:
            self.preview.look_again()
