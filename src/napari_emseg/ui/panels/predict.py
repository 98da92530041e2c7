"""Stage 3: where the membranes are."""

from __future__ import annotations

from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel

from napari_emseg.core.model_card import list_models, read_card
from napari_emseg.ui.flows import learning
from napari_emseg.ui.forms import LABEL_WIDTH
from napari_emseg.ui.panels.base import StagePanel


class PredictPanel(StagePanel):
    """Model, settings, and one button."""

    stage = "predict"
    primary = "predict"

    def build(self) -> None:
        """The model's name above the generated form."""
        self.model = QComboBox()
        self.model.setObjectName("model")
        self.model.activated.connect(self._on_chosen)
        line = QFormLayout()
        label = QLabel("Model")
        label.setFixedWidth(LABEL_WIDTH)
        line.addRow(label, self.model)
        line.setContentsMargins(0, 0, 0, 0)
        self.body.addLayout(line)
        self.form = self.settings_form("predict")
        self.body.addWidget(self.form)
        self._listed: list[str] = []

    def hint(self) -> str:
        """Before the first prediction."""
        return "Finds the membranes of the region on screen. Zoom in for a quick first look."

    def refresh(self) -> None:
        """List the models that exist now and show the one in use."""
        session = self.desk.session
        self.model.setEnabled(session is not None)
        if session is None:
            return
        names = list(learning.models(session))
        if session.model not in names:
            names.append(session.model)
        if names != self._listed:
            self._listed = names
            self.model.clear()
            self.model.addItems([learning.model_words(name) for name in names])
        self.model.setCurrentIndex(names.index(session.model))
        found = list_models().get(session.model)
        if found is not None:
            card = read_card(found)
            self.model.setToolTip(f"{card.architecture}, {card.parameters:,} weights. {card.limits}")

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """The membranes are what this stage is about."""
        super().showEvent(event)
        if self.desk.layers is not None:
            self.desk.layers.boundary.visible = True

    def _on_chosen(self, index: int) -> None:
        learning.choose(self.desk, self._listed[index])
