"""Stage 4: seeds with a live preview, and segments."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QCheckBox, QLabel, QSlider

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.words import counted
from napari_emseg.ui.actions import ACTIONS
from napari_emseg.ui.flows import seeding
from napari_emseg.ui.flows.joining import JoinPreview
from napari_emseg.ui.forms import LABEL_WIDTH
from napari_emseg.ui.panels.base import StagePanel, action_button, faint, heading, row, set_words
from napari_emseg.ui.seeds_by_hand import SeedsByHand

_SPACING = 4


class SegmentPanel(StagePanel):
    """Moving a slider moves the seeds on the canvas at once."""

    stage = "segment"
    primary = "segment"

    def build(self) -> None:
        """Two forms, and how many seeds there are."""
        for layout in (self.column, self.body):  # the fullest stage of all: it has to fit a small screen
            layout.setSpacing(_SPACING)
        self.seeds = self.settings_form("seeds", more="Smoothing, 2D or 3D")
        self.segments = self.settings_form(
            "segment", hidden=("merge_threshold",), more="Shape, membranes, joining"
        )
        self.show_seeds = QCheckBox("Show")
        self.show_seeds.setObjectName("show_seeds")
        self.show_seeds.setChecked(True)
        self.show_seeds.toggled.connect(lambda on: seeding.show(self.desk, on))
        self.count = faint()
        self.by_hand = SeedsByHand(self.desk)
        line = row(heading("Seeds"), self.count, self.by_hand.button, self.show_seeds, equal=False)
        line.setStretch(1, 1)
        self.body.addLayout(line)
        self.body.addWidget(self.by_hand)
        self.body.addWidget(self.seeds)
        self.body.addWidget(self.segments)
        self.desk.session_changed.connect(self._on_session)
        self.desk.settings_changed.connect(self._on_settings)
        self.desk.predicted.connect(self._preview)
        self.desk.section_changed.connect(lambda _z: self._preview())

    def after_button(self) -> None:
        """The slider that joins pieces."""
        self.joining: JoinPreview | None = None
        self.join_title = QLabel("Join below")
        self.join_title.setFixedWidth(LABEL_WIDTH)
        tip = "Pieces whose common border has a lower mean membrane probability become one; shown at once"
        self.join_title.setToolTip(tip)
        self.join_slider = QSlider(Qt.Orientation.Horizontal)
        self.join_slider.setObjectName("join_below")
        self.join_slider.setRange(0, 100)
        self.join_slider.setToolTip(tip)
        self.join_value = QLabel("0 %")
        self.join_value.setFixedWidth(44)
        self.join_words = faint()
        self.join_button = action_button(self.desk, "join_shown")
        self.join_button.setEnabled(False)
        self.join_slider.valueChanged.connect(self._on_join)
        self.column.addLayout(row(self.join_title, self.join_slider, self.join_value, equal=False))
        self.column.addLayout(row(self.join_words, self.join_button))
        self._show_join()

    def hint(self) -> str:
        """Before the first segments."""
        return (
            "One click finds membranes, puts a seed into every object and grows it. Proofread sections stay as "
            "they are."
        )

    def refresh(self) -> None:
        """Keep the preview in step with the view."""
        self.count.setText(seeding.words(self.desk))
        self.by_hand.refresh()
        if self.desk.layers is not None and self.desk.layers.seeds.visible:
            with QSignalBlocker(self.show_seeds):  # seeds that are placed are seen
                self.show_seeds.setChecked(True)
        alone = seeding.placed(self.desk).alone
        set_words(self.button, self.primary, "Grow my seeds" if alone else ACTIONS[self.primary].title)
        self.join_slider.setEnabled(self.desk.session is not None)
        if self.joining is not None and self.joining.is_shown and self.joining.is_stale():
            self.joining.hide()
        self._show_join()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Show seeds when the panel opens."""
        super().showEvent(event)
        self._preview()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Seeds belong to this stage only."""
        super().hideEvent(event)
        seeding.hide(self.desk)
        if self.joining is not None:
            self.joining.hide()
            self._show_join()

    def _on_session(self) -> None:
        self.joining = self.desk.joining = None if self.desk.session is None else JoinPreview(self.desk)
        self._show_join()

    def _on_join(self, percent: int) -> None:
        if self.joining is None:
            return
        try:
            self.joining.show(percent / 100)
        except EmsegError as error:
            self.joining.hide()
            self.desk.fail("segment", error)
        self._show_join()

    def _show_join(self) -> None:
        """Words and button say what the preview shows."""
        joining = self.joining
        percent = 0 if joining is None else round(100 * joining.threshold)
        with QSignalBlocker(self.join_slider):
            self.join_slider.setValue(percent)
        self.join_value.setText(f"{percent} %")
        joins = joining is not None and joining.is_shown and joining.n_objects < joining.n_pieces
        self.join_button.setEnabled(joins)
        shown = joining is not None and joining.is_shown
        self.join_words.setVisible(shown)
        self.join_button.setVisible(shown)
        self.join_words.setText(
            f"{counted(joining.n_pieces, 'piece')}, {counted(joining.n_objects, 'object')}"
            if joining and shown
            else ""
        )

    def _on_settings(self, stage: str) -> None:
        if stage == "seeds":
            self._preview()

    def _preview(self) -> None:
        if self.isVisible() and self.show_seeds.isChecked():
            seeding.preview(self.desk)
