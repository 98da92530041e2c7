"""Bad sections, a preview, and a cleaned copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QHideEvent, QIcon, QKeyEvent, QShowEvent
from qtpy.QtWidgets import QCheckBox, QListWidget, QListWidgetItem, QPushButton, QTabBar, QVBoxLayout, QWidget

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.flows import aligning, cleaning
from napari_emseg.ui.grey import pixmap
from napari_emseg.ui.panels.alignment import AlignmentPage
from napari_emseg.ui.panels.base import StagePanel, action_button, faint, heading, row

if TYPE_CHECKING:
    from napari_emseg.preprocess.bad_sections import Suspicion

_PICTURE_PX = 48
_ROWS = 3  # of the list that are seen at once
_MARKS = {"": "?", "out": "×", "kept": "✓"}
_WORDS = {"": "not decided", "out": "left out", "kept": "kept"}


class SuspectList(QListWidget):
    """Suspicious sections; the keys Y and J answer for the chosen one."""

    decided = Signal(bool)
    own_keys = (Qt.Key.Key_Y, Qt.Key.Key_J)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Y leaves out, J keeps; all else is the list's own."""
        if event.key() in self.own_keys:
            self.decided.emit(event.key() == Qt.Key.Key_Y)
        else:
            super().keyPressEvent(event)


class CleanUpPanel(StagePanel):
    """Decide on suspicious sections, see what cleaning does, clean."""

    stage = "cleanup"
    primary = "clean_up"

    def build(self) -> None:
        """The list with its two answers, then the form with its preview."""
        self.look = action_button(self.desk, "find_bad")
        self.count = faint()
        self.list = SuspectList()
        self.list.setObjectName("suspicious")
        self.list.setIconSize(QSize(_PICTURE_PX, _PICTURE_PX))
        self.list.setFixedHeight(_ROWS * (_PICTURE_PX + 8))
        self.list.setWordWrap(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentRowChanged.connect(self._on_chosen)
        self.list.decided.connect(self._on_decided)
        self.out = self._answer("Leave it out   Y", True)
        self.keep = self._answer("Keep it   J", False)
        self.form = self.settings_form("cleanup", hidden=("use_cleaned",))
        self.wanted = QCheckBox("Preview this section")
        self.wanted.setObjectName("clean_preview")
        self.wanted.toggled.connect(lambda on: cleaning.want_preview(self.desk, on))
        self.flip = action_button(self.desk, "flip_preview")
        self.pages = QTabBar()
        self.pages.setObjectName("clean_pages")
        self.pages.setExpanding(True)
        for words in ("Clean", "Align"):
            self.pages.addTab(words)
        self.pages.currentChanged.connect(self._on_page)
        self.cleaning_page = QWidget()
        page = QVBoxLayout(self.cleaning_page)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(8)
        page.addWidget(self.look)
        page.addWidget(self.count)
        page.addWidget(self.list)
        page.addLayout(row(self.out, self.keep))
        page.addWidget(heading("Whole stack"))
        page.addWidget(self.form)
        page.addLayout(row(self.wanted, self.flip))
        self.alignment = AlignmentPage(self.desk)
        self.alignment.setVisible(False)
        for widget in (self.pages, self.cleaning_page, self.alignment):
            self.body.addWidget(widget)
        self._listed: list[Suspicion] = []
        self.desk.cleaned.connect(self.refresh)
        self.desk.settings_changed.connect(self._on_settings)
        self.desk.section_changed.connect(lambda _z: self._preview())
        self.desk.session_changed.connect(self._on_session)

    def after_button(self) -> None:
        """Which of the two stacks is worked on."""
        self.original = action_button(self.desk, "use_original")
        self.cleaned = action_button(self.desk, "use_cleaned")
        self.forget = action_button(self.desk, "forget_cleaned")
        self.column.addLayout(row(self.original, self.cleaned, self.forget))

    def hint(self) -> str:
        """Before anything has happened."""
        return "Stacks with even brightness and whole sections need none of this: go on with Predict."

    def refresh(self) -> None:
        """Follow the list, the decisions, and the copy."""
        session = self.desk.session
        for box in (self.look, self.wanted):
            box.setEnabled(session is not None)
        has_list = session is not None and bool(cleaning.cleaning_of(self.desk).found)
        for widget in (self.list, self.out, self.keep, self.count):
            widget.setVisible(has_list)
        has_copy, is_cleaned = cleaning.has_copy(self.desk), cleaning.is_cleaned(self.desk)
        cleans = self.pages.currentIndex() == 0
        self.original.setVisible(cleans and is_cleaned)
        self.cleaned.setVisible(cleans and has_copy and not is_cleaned)
        self.forget.setVisible(cleans and has_copy)
        self.alignment.refresh()
        if session is None:
            self.flip.setEnabled(False)
            return
        state = cleaning.cleaning_of(self.desk)
        if state.preview is None and not state.overlay.is_wanted and self.wanted.isChecked():
            self.wanted.setChecked(False)
        self.flip.setEnabled(state.preview is not None)
        seen = state.preview is not None and state.preview.visible
        self.flip.setText("Show before" if seen else "Show after")
        self._fill(state)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Preview again where it was wanted."""
        super().showEvent(event)
        if self.wanted.isChecked():
            cleaning.want_preview(self.desk, True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """The preview belongs to this stage only."""
        super().hideEvent(event)
        if self.desk.session is not None and self.desk.layers is not None:
            cleaning.want_preview(self.desk, False)
            aligning.want_preview(self.desk, False)

    def _on_page(self, number: int) -> None:
        """One page, with its own button and its own preview."""
        self.cleaning_page.setVisible(number == 0)
        self.button.setVisible(number == 0)
        self.alignment.setVisible(number == 1)
        if number == 1:
            self.wanted.setChecked(False)
        elif self.desk.session is not None:
            aligning.want_preview(self.desk, False)
        self.refresh()

    def _answer(self, words: str, leave_out: bool) -> QPushButton:
        button = QPushButton(words)
        button.setObjectName("leave_out" if leave_out else "keep_section")
        button.clicked.connect(lambda: self._on_decided(leave_out))
        return button

    def _fill(self, state: cleaning.Cleaning) -> None:
        if self._listed is not state.found:
            self._listed = state.found
            self.list.blockSignals(True)
            self.list.clear()
            for one in state.found:
                self.list.addItem(QListWidgetItem(QIcon(pixmap(one.picture)), ""))
            self.list.blockSignals(False)
            if state.found:
                self.list.setCurrentRow(0)
                self.list.setFocus()
        for number, one in enumerate(state.found):
            item, verdict = self.list.item(number), state.verdict(one.section)
            if item is not None:
                item.setText(
                    f"{_MARKS[verdict]}  section {one.section}: {one.kind} ({one.score:.2f})\n{one.reason}"
                )
                item.setToolTip(f"{_WORDS[verdict]}; 0.5 is the limit, 1 is certain")
        left = len(state.pending)
        self.count.setText(f"{left} of {len(state.found)} to decide" if left else "All decided")

    def _on_chosen(self, number: int) -> None:
        from napari_emseg.ui.view import go_to_section

        if 0 <= number < len(self._listed) and self.desk.layers is not None:
            go_to_section(self.desk.viewer, self.desk.layers.image, self._listed[number].section)

    def _on_decided(self, leave_out: bool) -> None:
        number = self.list.currentRow()
        if not 0 <= number < len(self._listed):
            return
        try:
            cleaning.decide(self.desk, self._listed[number].section, leave_out)
        except EmsegError as error:
            self.desk.fail(self.stage, error)
            return
        state = cleaning.cleaning_of(self.desk)
        pending = [n for n, s in enumerate(self._listed) if s.section in state.pending]
        following = [n for n in pending if n > number] or pending
        if following:
            self.list.setCurrentRow(following[0])

    def _on_session(self) -> None:
        self._listed = []
        self.list.clear()
        self.wanted.setChecked(False)

    def _on_settings(self, stage: str) -> None:
        if stage == "cleanup":
            self._preview()

    def _preview(self) -> None:
        if self.isVisible() and self.wanted.isChecked():
            cleaning.preview(self.desk)
        elif self.isVisible() and self.pages.currentIndex() == 1:
            aligning.preview(self.desk)
