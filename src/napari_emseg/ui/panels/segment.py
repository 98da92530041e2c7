"""Stage 4: seeds with a live preview, and segments."""

from __future__ import annotations

from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QCheckBox

from napari_emseg.ui.flows import seeding
from napari_emseg.ui.panels.base import StagePanel, faint, heading


class SegmentPanel(StagePanel):
    """Moving a slider moves the seeds on the canvas at once."""

    stage = "segment"
    primary = "segment"

    def build(self) -> None:
        """Two forms, and how many seeds there are."""
        self.seeds = self.settings_form("seeds")
        self.segments = self.settings_form("segment", hidden=("merge_threshold",))
        self.show_seeds = QCheckBox("Show seeds while adjusting")
        self.show_seeds.setObjectName("show_seeds")
        self.show_seeds.setChecked(True)
        self.show_seeds.toggled.connect(lambda on: seeding.show(self.desk, on))
        self.count = faint()
        parts = (
            heading("Seeds"),
            self.seeds,
            self.show_seeds,
            self.count,
            heading("Segments"),
            self.segments,
        )
        for part in parts:
            self.body.addWidget(part)
        self.desk.settings_changed.connect(self._on_settings)
        self.desk.predicted.connect(self._preview)
        self.desk.section_changed.connect(lambda _z: self._preview())

    def hint(self) -> str:
        """Before the first segments."""
        return (
            "One click finds membranes where needed, puts a seed into every object and grows it up to the "
            "membranes. Your proofread sections stay as they are."
        )

    def refresh(self) -> None:
        """Keep the preview in step with the view."""
        self.count.setText(seeding.words(self.desk))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Show seeds when the panel opens."""
        super().showEvent(event)
        self._preview()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Seeds belong to this stage only."""
        super().hideEvent(event)
        seeding.hide(self.desk)

    def _on_settings(self, stage: str) -> None:
        if stage == "seeds":
            self._preview()

    def _preview(self) -> None:
        if self.isVisible() and self.show_seeds.isChecked():
            seeding.preview(self.desk)
