"""Stage 3: where the membranes are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QGridLayout, QLabel, QWidget

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import find_model, read_card
from napari_emseg.ui import target_maps
from napari_emseg.ui.actions import ACTIONS
from napari_emseg.ui.ahead import Ahead
from napari_emseg.ui.by_clicks import ByClicks
from napari_emseg.ui.flows import examples, given, learning, predicting
from napari_emseg.ui.forms import LABEL_WIDTH
from napari_emseg.ui.from_file import FromFile
from napari_emseg.ui.long_words import short
from napari_emseg.ui.panels.base import StagePanel, set_words

if TYPE_CHECKING:
    from napari_emseg.session import Session

_BOXES_IN_A_ROW = 2
_LETTERS = 20  # of a name in the list of models, so that what is said of it is seen


class PredictPanel(StagePanel):
    """Model, settings, and one button."""

    stage = "predict"
    primary = "predict"

    def build(self) -> None:
        """The model's name above the generated form."""
        self.model = QComboBox()
        self.model.setObjectName("model")
        self.model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.model.setMinimumContentsLength(12)  # a long name must not make the dock wider
        self.model.activated.connect(self._on_chosen)
        line = QFormLayout()
        label = QLabel("Model")
        label.setFixedWidth(LABEL_WIDTH)
        line.addRow(label, self.model)
        line.setContentsMargins(0, 0, 0, 0)
        self.body.addLayout(line)
        self.also = QGridLayout()
        self.also.setHorizontalSpacing(8)
        self.also.setVerticalSpacing(2)
        self.beside = QLabel("Also show")
        self.beside.setFixedWidth(LABEL_WIDTH)
        self.beside.setVisible(False)
        self.beside.setToolTip("What the model finds beside membranes; it costs hardly any time")
        line.addRow(self.beside, self.also)
        self._boxes: dict[str, QCheckBox] = {}
        self.form = self.settings_form("predict", hidden=("also",))
        self.body.addWidget(self.form)
        self.by_clicks = ByClicks(self.desk)
        self.from_file = FromFile(self.desk)
        self._listed: dict[str, Path] = {}
        self._listed_file: str | None = None
        self._hide_again = False
        self.ahead = Ahead(self.desk, self)
        self.desk.predicted.connect(self._on_predicted)

    def after_button(self) -> None:
        """Something that no model knows, and what others have found."""
        self.column.addWidget(self.by_clicks)
        self.column.addWidget(self.from_file)

    def hint(self) -> str:
        """Before the first prediction."""
        session = self.desk.session
        if session is not None and session.membranes is not None:
            return f"Shows the membranes of “{session.membranes.name}” in the region on screen."
        return "Finds the membranes of the region on screen. Zoom in for a quick first look."

    def refresh(self) -> None:
        """List the models that exist now and show the one in use."""
        session = self.desk.session
        self.model.setEnabled(session is not None)
        self.by_clicks.refresh()
        self.from_file.refresh()
        if session is None:
            return
        models = learning.models(session)
        models.setdefault(session.model, Path())
        names = list(models)
        file = session.project.membranes
        name = file.name if file is not None else None
        if (models, name) != (self._listed, self._listed_file):
            self._listed, self._listed_file = models, name
            self._list(session)
        self.form.setVisible(session.membranes is None)
        words = "Show the membranes here" if session.membranes else ACTIONS["predict"].title
        set_words(self.button, "predict", words)
        self.model.setCurrentIndex(len(names) if session.membranes else names.index(session.model))
        hides = self.model.itemData(names.index(session.model), Qt.ItemDataRole.ToolTipRole) or ""
        try:
            card = read_card(find_model(session.model, session.project.models))
        except EmsegError as error:
            self.model.setToolTip(_below(str(error), hides))
            self._offer(())
            return
        name = learning.model_words(session.model)
        whole = "" if len(name) <= _LETTERS else f"{name}: "
        self.model.setToolTip(
            _below(f"{whole}{card.architecture}, {card.parameters:,} weights. {card.limits}", hides)
        )
        self._offer(tuple(target for target in card.targets if target != predicting.MEMBRANE))
        wanted = session.get_settings("predict").also
        for target, box in self._boxes.items():
            box.blockSignals(True)
            box.setChecked(target in wanted)
            box.blockSignals(False)

    def _list(self, session: Session) -> None:
        """All names; a bundled one that leads to a model of the person's own is marked."""
        self.model.clear()
        for index, name in enumerate(self._listed):
            hides = learning.hides_bundled(session, name)
            self.model.addItem(short(learning.model_words(name), _LETTERS) + (" (yours)" if hides else ""))
            self.model.setItemData(index, f"{hides}." if hides else None, Qt.ItemDataRole.ToolTipRole)
        if self._listed_file is not None:
            self.model.addItem(f"{short(self._listed_file, _LETTERS)} (a file)")

    def _offer(self, targets: tuple[str, ...]) -> None:
        """A box for each target beside membranes."""
        if tuple(self._boxes) == targets:
            return
        for box in self._boxes.values():
            self.also.removeWidget(box)
            box.deleteLater()
        self._boxes = {}
        self.beside.setVisible(bool(targets))
        for target in targets:
            box = QCheckBox(target_maps.words(target))
            box.setObjectName(f"also-{target}")
            box.toggled.connect(self._on_ticked)
            self.also.addWidget(box, len(self._boxes) // _BOXES_IN_A_ROW, len(self._boxes) % _BOXES_IN_A_ROW)
            QWidget.setTabOrder([self.model, *self._boxes.values()][-1], box)
            self._boxes[target] = box

    def _on_ticked(self) -> None:
        settings = self.desk.settings("predict")
        also = tuple(target for target, box in self._boxes.items() if box.isChecked())
        self.desk.set_settings("predict", settings.model_copy(update={"also": also}))
        layers = self.desk.layers
        if layers is not None:
            for target, one in layers.targets.items():
                one.layer.visible = target in also

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """The membranes are what this stage is about."""
        super().showEvent(event)
        if self.desk.layers is not None:
            self._hide_again = not self.desk.layers.boundary.visible
            self.desk.layers.boundary.visible = True

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Over labels they would be a second map; what was predicted here meanwhile stays in sight."""
        super().hideEvent(event)
        examples.put_down(self.desk)
        if self._hide_again and self.desk.layers is not None:
            self.desk.layers.boundary.visible = False
        self._hide_again = False

    def _on_predicted(self) -> None:
        self._hide_again = False

    def _on_chosen(self, index: int) -> None:
        names = list(self._listed)
        session = self.desk.session
        if index < len(names):
            learning.choose(self.desk, names[index])
        elif session is not None and session.membranes is None and session.project.membranes is not None:
            file = session.project.membranes
            given.take(self.desk, file.place(session.project.folder), shows_cells=file.shows_cells)


def _below(text: str, warning: str) -> str:
    return f"{warning}\n{text}" if warning else text
