"""Which recipe learning uses, beside the way to look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from napari_emseg.ui.flows import augmenting
from napari_emseg.ui.forms import LABEL_WIDTH
from napari_emseg.ui.panels.base import action_button

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk


class RecipeChoice(QWidget):
    """A row of the Train stage."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        label = QLabel("Vary samples")
        label.setFixedWidth(LABEL_WIDTH)
        label.setToolTip("Every sample is turned, deformed and changed in its grey values before it teaches")
        self.combo = QComboBox()
        self.combo.setObjectName("learningRecipe")
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(6)  # a long name must not make the dock wider
        self.button = action_button(desk, "inspect_augmentations", text="Look")
        row.addWidget(label)
        row.addWidget(self.combo, 1)
        row.addWidget(self.button)
        self.combo.activated.connect(lambda _: augmenting.choose(desk, self.combo.currentText()))
        desk.session_changed.connect(self._on_changed)
        desk.settings_changed.connect(self._on_changed)
        self._on_changed()

    def _on_changed(self, _stage: str = "") -> None:
        self.setEnabled(self.desk.session is not None)
        names = augmenting.recipes(self.desk)
        self.combo.blockSignals(True)
        if [self.combo.itemText(i) for i in range(self.combo.count())] != list(names):
            self.combo.clear()
            self.combo.addItems(names)
        if self.desk.session is not None:
            self.combo.setCurrentText(self.desk.session.get_settings("finetune").augmentation)
        self.combo.blockSignals(False)
