"""Choose a recipe, switch its augmentations on and off, and set each with sliders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_emseg.augment.recipe import NAMES, Augmentation, load_recipe, only, presets, settings_class
from napari_emseg.ui.forms import SettingsForm
from napari_emseg.ui.panels.base import faint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_emseg.settings import Settings

_TITLES = {
    "elastic": "Elastic, control points", "smooth_noise": "Elastic, smoothed noise",
    "piecewise_affine": "Piecewise affine", "pincushion": "Pincushion", "perspective": "Perspective",
    "affine": "Rotate, scale, shear", "geometry": "Geometry of one section", "drop": "Sections left out",
    "mirror": "Mirror and transpose", "slip": "Slip and shift", "paste": "Cut and paste objects",
    "intensity": "Contrast and flicker", "elektronn": "Contrast, ELEKTRONN", "scale_shift": "Contrast, gunpowder",
    "clahe": "Equalise (CLAHE)", "blur": "Blur", "defocus": "Defocus", "motion_blur": "Motion blur",
    "median": "Median filter", "sharpen": "Sharpen", "emboss": "Emboss", "noise": "Noise",
    "shot_noise": "Shot noise", "charging": "Charging", "stains": "Stains", "compression": "JPEG compression",
    "missing": "Neighbours missing", "lost": "Lost sections", "low_contrast": "Pale sections",
    "artefact": "Artefacts", "fold": "Folds", "partial": "Partly missing sections",
}  # fmt: skip


class RecipeEditor(QWidget):
    """The recipe as it stands, and what of it is to be seen."""

    changed = Signal()
    form_made = Signal(QWidget)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recipe = load_recipe("serial sections")
        self._saved: dict[str, str] = {}
        self._form: SettingsForm | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self.choice = QComboBox()
        self.choice.setObjectName("recipe")
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.choice.setMinimumContentsLength(12)
        self.choice.setToolTip("A recipe to start from: those of the program, and those of this project")
        self.about = faint()
        self.list = QListWidget()
        self.list.setObjectName("augmentations")
        self.list.setToolTip("Tick what is on; pick one to set it")
        self.list.setMinimumHeight(150)
        self.alone = QCheckBox("Only the picked one, every time")
        self.alone.setObjectName("alone")
        self.alone.setToolTip("See what it does by itself, in every sample and on every section")
        self.place = QHBoxLayout()
        for part in (self.choice, self.about, self.list, self.alone):
            column.addWidget(part)
        column.addLayout(self.place)
        for name in NAMES:
            item = QListWidgetItem(_TITLES[name])
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            self.list.addItem(item)
        self.offer({})
        self.choice.activated.connect(self._on_chosen)
        self.list.itemChanged.connect(self._on_ticked)
        self.list.currentItemChanged.connect(lambda *_: self._on_picked())
        self.alone.toggled.connect(lambda _: self.changed.emit())
        self.set_recipe(self._recipe)

    @property
    def recipe(self) -> Augmentation:
        """The recipe as a training would use it."""
        return self._recipe

    @property
    def shown(self) -> Augmentation:
        """The recipe that the samples are drawn with."""
        name = self.picked
        if not self.alone.isChecked() or not name:
            return self._recipe
        settings = getattr(self._recipe, name) or settings_class(name)()
        always = {key: 1.0 for key in ("probability", "per_section") if key in type(settings).model_fields}
        return only(**{name: settings.model_copy(update=always)})

    @property
    def picked(self) -> str:
        """Name of the augmentation whose sliders are shown."""
        item = self.list.currentItem()
        return str(item.data(Qt.ItemDataRole.UserRole)) if item is not None else ""

    def offer(self, saved: Mapping[str, str]) -> None:
        """Fill the choice: presets, then recipes of the project (name to YAML)."""
        self._saved = dict(saved)
        current = self.choice.currentText() or "serial sections"
        self.choice.clear()
        self.choice.addItems([*presets(), *(name for name in saved if name not in presets())])
        self.choice.setCurrentText(current)

    def pick(self, name: str) -> None:
        """Show the sliders of an augmentation."""
        self.list.setCurrentRow(NAMES.index(name))

    def set_recipe(self, recipe: Augmentation) -> None:
        """Show another recipe."""
        self._recipe = recipe
        self.about.setText(recipe.about)
        self.about.setVisible(bool(recipe.about))
        self.list.blockSignals(True)
        for row, name in enumerate(NAMES):
            on = getattr(recipe, name) is not None
            self.list.item(row).setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        self.list.blockSignals(False)
        if not self.picked or getattr(recipe, self.picked) is None:
            first = next(iter(recipe.active), NAMES[0])
            self.list.setCurrentRow(NAMES.index(first))
        self._on_picked()
        self.changed.emit()

    def _on_chosen(self, _index: int) -> None:
        name = self.choice.currentText()
        self.set_recipe(load_recipe(self._saved.get(name, name)))

    def _on_ticked(self, item: QListWidgetItem) -> None:
        name = str(item.data(Qt.ItemDataRole.UserRole))
        on = item.checkState() == Qt.CheckState.Checked
        value: Any = (getattr(self._recipe, name) or settings_class(name)()) if on else None
        self._recipe = self._recipe.model_copy(update={name: value})
        self.list.setCurrentItem(item)
        self.changed.emit()

    def _on_picked(self) -> None:
        if self._form is not None:
            self.place.removeWidget(self._form)
            self._form.deleteLater()
            self._form = None
        name = self.picked
        if not name:
            return
        settings = getattr(self._recipe, name) or settings_class(name)()
        self._form = SettingsForm(settings)
        self._form.setObjectName("sliders")
        self._form.changed.connect(lambda value: self._on_set(name, value))
        self.place.addWidget(self._form)
        self.form_made.emit(self._form)
        if self.alone.isChecked():
            self.changed.emit()

    def _on_set(self, name: str, value: Settings) -> None:
        """Setting something that is off switches it on."""
        self._recipe = self._recipe.model_copy(update={name: value})
        self.list.blockSignals(True)
        self.list.item(NAMES.index(name)).setCheckState(Qt.CheckState.Checked)
        self.list.blockSignals(False)
        self.changed.emit()

    @property
    def form(self) -> SettingsForm | None:
        """Sliders of the picked augmentation."""
        return self._form
