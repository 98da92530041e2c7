"""Stage 7: the model learns from the proofread sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_emseg.core.words import counted
from napari_emseg.ui.augmenting.choice import RecipeChoice
from napari_emseg.ui.curve import LossCurve
from napari_emseg.ui.flows import learning
from napari_emseg.ui.panels.base import StagePanel, action_button, faint, row, set_role, set_words
from napari_emseg.ui.three_pictures import ThreePictures
from napari_emseg.ui.version_list import VersionList

if TYPE_CHECKING:
    from napari_emseg.ui.style import Look


class TrainPanel(StagePanel):
    """Button, live loss, and the choice to keep or drop the new model."""

    stage = "train"
    primary = "train"

    def build(self) -> None:
        """What teaches, and how long."""
        self.teachers = faint()
        self.form = self.settings_form("finetune", hidden=("augmentation",))
        self.recipe = RecipeChoice(self.desk)
        self.body.addWidget(self.teachers)
        self.body.addWidget(self.recipe)
        self.body.addWidget(self.form)

    def after_button(self) -> None:
        """Curve, scores and the choice."""
        self.curve = LossCurve()
        self.column.addWidget(self.curve)
        self.scores = QWidget()
        self.grid = QGridLayout(self.scores)
        self.grid.setContentsMargins(0, 0, 0, 0)
        self.grid.setVerticalSpacing(2)
        self.scored_on = faint()
        self.column.addWidget(self.scores)
        self.pictures = ThreePictures()
        self.column.addWidget(self.pictures)
        self.column.addWidget(self.scored_on)
        self.accept = action_button(self.desk, "accept_model", primary=True)
        self.discard = action_button(self.desk, "discard_model")
        self.column.addLayout(row(self.accept, self.discard))
        self.versions = VersionList(self.desk)
        self.column.addWidget(self.versions)
        self.desk.learned.connect(self._on_learned)

    def hint(self) -> str:
        """Before the first time."""
        return "A copy of the model learns in the background; you can go on painting. You decide what happens to it."

    def set_look(self, look: Look) -> None:
        """The curve has colours of its own."""
        super().set_look(look)
        self.curve.set_look(look)

    def refresh(self) -> None:
        """Follow the marks and the candidate."""
        session = self.desk.session
        marked = session.sections.proofread if session else ()
        n = len(marked)
        self.teachers.setText(learning.teacher_words(marked))
        set_words(self.button, self.primary, f"Learn from {counted(n, 'proofread section')}")
        candidate = self.desk.learning
        for widget in (self.scores, self.scored_on, self.accept, self.discard):
            widget.setVisible(candidate is not None)
        for widget in (self.recipe, self.form):  # the choice stands in sight, also on a small screen
            widget.setVisible(candidate is None)
        self.pictures.setVisible(candidate is not None and bool(candidate.result.pictures))
        self.button.setVisible(candidate is None)
        self.versions.refresh()
        learns = "train" in self.desk.work
        self.curve.setVisible(learns or (bool(self.desk.losses) and candidate is None))
        if len(self.desk.losses) < len(self.curve.points):
            self.curve.clear()
        for seconds, loss in self.desk.losses[len(self.curve.points) :]:
            self.curve.add(seconds, loss)

    def _on_learned(self) -> None:
        while self.grid.count():
            self.grid.takeAt(0).widget().deleteLater()
        if self.desk.learning is not None:
            where = self.desk.learning.result.scored_on
            better = learning.is_better(self.desk.learning)
            set_role(self.accept, "primary" if better else "")
            set_role(self.discard, "" if better else "primary")
            self.pictures.show_arrays(self.desk.learning.result.pictures)
            self.scored_on.setText(f"Scored on {where}" if where else "")
            for line, cells in enumerate(learning.score_rows(self.desk.learning)):
                for column, words in enumerate(cells):
                    label = QLabel(words)
                    if line == 0 or column == 0:
                        label.setProperty("role", "faint")
                    self.grid.addWidget(label, line, column)
        self.refresh()
