"""What is compared: two label layers or files, the sections, and what is left out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QLabel,
    QMenu,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.decimal_box import DecimalBox
from napari_emseg.ui.flows import comparing
from napari_emseg.ui.panels.base import row
from napari_emseg.ui.view import visible_region

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Labels


_GAP_PX = 4


class CompareForm(QWidget):
    """Choices, in a few lines.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose label layers are offered.
    """

    failed = Signal(object)
    """An `EmsegError`: a file that cannot be opened."""
    changed = Signal()

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.truth, self.other = QComboBox(), QComboBox()
        for name, combo in (("truth", self.truth), ("other", self.other)):
            combo.setObjectName(name)
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(6)
        self.truth.setToolTip("What is right. Voxels of its id 0 are not scored")
        self.other.setToolTip("What is judged")
        self.truth_file, self.other_file = QPushButton("File"), QPushButton("File")
        for name, button in (("truth_file", self.truth_file), ("other_file", self.other_file)):
            button.setObjectName(name)
            button.setProperty("role", "tool")
            button.setToolTip("Open a segmentation of a file or folder; it is read section by section")
        self.first, self.last = QSpinBox(), QSpinBox()
        for name, spin in (("first_section", self.first), ("last_section", self.last)):
            spin.setObjectName(name)
            spin.setMinimumWidth(50)
        self.on_screen = QCheckBox("What I see only")
        self.on_screen.setObjectName("on_screen")
        self.on_screen.setToolTip("Only the part of every section that the canvas shows now")
        self.border = DecimalBox()
        self.border.setObjectName("border_nm")
        self.border.setRange(0, 1000)
        self.border.setDecimals(0)
        self.border.setSuffix(" nm")
        self.border.setToolTip("True borders are not scored up to this far: people draw them differently")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for words, combo, file in (
            ("Truth", self.truth, self.truth_file),
            ("Other", self.other, self.other_file),
        ):
            line = row(self._label(words), combo, file, equal=False)
            line.setStretch(1, 1)
            column.addLayout(line)
        line = row(self._label("Sections"), self.first, QLabel("to"), self.last, equal=False)
        line.setStretch(1, 1)
        line.setStretch(3, 1)
        column.addLayout(line)
        line = row(self._label("Skip borders"), self.border, self.on_screen, equal=False)
        line.setStretch(1, 1)
        column.addLayout(line)
        for button, combo in ((self.truth_file, self.truth), (self.other_file, self.other)):
            menu = QMenu(button)  # no dialog of an operating system offers files and folders together
            menu.addAction("A file ...").triggered.connect(partial(self._on_file, combo))
            menu.addAction("A folder: zarr, N5, sections ...").triggered.connect(
                partial(self._on_folder, combo)
            )
            button.setMenu(menu)
        self.truth.currentIndexChanged.connect(self._on_picked)
        self.other.currentIndexChanged.connect(lambda _n: self.changed.emit())

    def _label(self, words: str) -> QLabel:
        """As wide as the widest of them, so that what is chosen stands in one column."""
        label = QLabel(words)
        label.setMinimumWidth(label.fontMetrics().horizontalAdvance("Skip borders") + _GAP_PX)
        return label

    def fill(self) -> None:
        """Offer the label layers of the viewer; what is picked stays picked, but for the only one there was, twice."""
        layers = comparing.candidates(self.viewer)
        was_alone = self.truth.count() == 1
        for combo, place in ((self.truth, -1), (self.other, 0)):
            picked = None if was_alone else combo.currentData()
            combo.blockSignals(True)
            combo.clear()
            for layer in layers:
                combo.addItem(layer.name, layer)
            found = [n for n, layer in enumerate(layers) if layer is picked]
            combo.setCurrentIndex(found[0] if found else place % len(layers) if layers else -1)
            combo.blockSignals(False)
        self._on_picked()

    @property
    def n_sections(self) -> int:
        """Of what is picked as true; 0 where nothing is."""
        layer = self.truth.currentData()
        return 0 if layer is None else int(comparing.data_of(layer).shape[0])

    def pair(self) -> tuple[Labels, Labels]:
        """What is picked.

        Raises
        ------
        EmsegError
            If there is nothing to pick.
        """
        truth, other = self.truth.currentData(), self.other.currentData()
        if truth is None or other is None:
            raise EmsegError("there is no segmentation", "this window", "open two")
        return truth, other

    def region(self) -> Region:
        """The part that is compared."""
        layer = self.truth.currentData()
        shape = comparing.data_of(layer).shape
        first, last = sorted((self.first.value(), self.last.value()))
        (y0, x0), (y1, x1) = (0, 0), (int(shape[1]), int(shape[2]))
        if self.on_screen.isChecked():
            seen = visible_region(self.viewer, layer)
            (_, y0, x0), (_, y1, x1) = seen.start, seen.stop
        return Region((first, y0, x0), (last + 1, y1, x1))

    def _on_picked(self, *_: Any) -> None:
        n, layer = self.n_sections, self.truth.currentData()
        for spin, value in ((self.first, 0), (self.last, n - 1)):
            if spin.maximum() != max(n - 1, 0):
                spin.setRange(0, max(n - 1, 0))
                spin.setValue(max(value, 0))
        border_known = layer is not None and comparing.spacing_of(layer) is not None
        self.border.setEnabled(border_known)
        if not border_known:
            self.border.setValue(0)
        self.changed.emit()

    def border_nm(self) -> float:
        """How far true borders are not scored, as it was typed last."""
        self.border.interpretText()
        return self.border.value()

    def _on_file(self, combo: QComboBox, _on: bool = False) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "A segmentation")
        if path:
            self.open(combo, path)

    def _on_folder(self, combo: QComboBox, _on: bool = False) -> None:
        path = QFileDialog.getExistingDirectory(self, "A segmentation: the folder itself")
        if path:
            self.open(combo, path)

    def open(self, combo: QComboBox, path: str) -> None:
        """Show a file or folder as a layer, and pick it."""
        try:
            layer = comparing.open_file(self.viewer, path)
        except EmsegError as error:
            self.failed.emit(error)
            return
        combo.setCurrentIndex(combo.findData(layer))
