"""Stage 1: which stack, and how large is a voxel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDoubleSpinBox, QFileDialog, QFormLayout, QLabel, QPushButton, QWidget

from napari_emseg.ui.flows import opening
from napari_emseg.ui.panels.base import StagePanel, action_button, faint, row

if TYPE_CHECKING:
    from napari.layers import Image

_FILES = "EM stacks (*.tif *.tiff *.h5 *.hdf *.hdf5 *.zarr *.png);;All files (*)"
_LARGEST_NM = 1e5


class DataPanel(StagePanel):
    """Empty: what to do first. Afterwards: what is open, and the voxel size if nobody knows it."""

    stage = "data"

    def build(self) -> None:
        """Buttons that open something; rows about what is open; the question."""
        self._adoptable: Image | None = None
        self.phantom = action_button(self.desk, "open_phantom", primary=True)
        self.adopt = QPushButton()
        self.adopt.setObjectName("adopt")
        self.adopt.setProperty("role", "primary")
        self.adopt.clicked.connect(self._on_adopt)
        self.vnc = action_button(self.desk, "open_vnc")
        self.file = QPushButton("Open a stack ...")
        self.file.setObjectName("open_file")
        self.file.setToolTip("TIFF stack, HDF5 or zarr file")
        self.file.clicked.connect(self._on_open_file)
        self.folder = QPushButton("Open a folder ...")
        self.folder.setObjectName("open_folder")
        self.folder.setToolTip("A folder of PNG or TIFF sections, a zarr folder, or a project (NAME.emseg)")
        self.folder.clicked.connect(self._on_open_folder)
        self.facts = QFormLayout()
        self.facts.setHorizontalSpacing(12)
        self.facts.setVerticalSpacing(3)
        self.question = self._build_question()
        self.where = faint()
        self.where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        for part in (self.adopt, self.phantom):
            self.body.addWidget(part)
        self.body.addLayout(self.facts)
        self.body.addWidget(self.question)
        self.body.addLayout(row(self.file, self.folder))
        self.body.addWidget(self.vnc)
        self.body.addWidget(self.where)

    def hint(self) -> str:
        """The very first words that a new person reads."""
        return (
            "Start here: open a stack of EM sections. New to this? The phantom is a small synthetic stack to "
            "try everything on. Nothing you do can be lost: every edit is kept at once."
        )

    def refresh(self) -> None:
        """Show rows, question or first steps."""
        session = self.desk.session
        self._adoptable = None if session else next(iter(opening.candidates(self.desk)), None)
        self.adopt.setVisible(self._adoptable is not None)
        if self._adoptable is not None:
            self.adopt.setText(f"Work on “{self._adoptable.name}”")
        self.phantom.setVisible(session is None and self._adoptable is None)
        self.vnc.setVisible(session is None)
        busy = "data" in self.desk.work
        for button in (self.phantom, self.vnc, self.file, self.folder, self.adopt):
            button.setEnabled(not busy)
        while self.facts.rowCount():
            self.facts.removeRow(0)
        unknown = False
        if session is not None:
            for name, value in opening.describe(session):
                left, right = faint(name), QLabel(value)
                right.setWordWrap(True)
                right.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                self.facts.addRow(left, right)
            unknown = session.image.spacing_nm is None
            self.where.setText(f"Edits are kept in {session.project.folder}")
        self.file.setText("Open another stack ..." if session else "Open a stack ...")
        self.folder.setVisible(session is None)
        self.where.setVisible(session is not None)
        self.question.setVisible(unknown)

    def _build_question(self) -> QWidget:
        box = QWidget()
        form = QFormLayout(box)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(QLabel("How large is a voxel?"))
        self.sizes: list[QDoubleSpinBox] = []
        for name, words, first in (("x", "Pixel width (x)", 4.0), ("y", "Pixel height (y)", 4.0),
                                   ("z", "Section thickness (z)", 50.0)):  # fmt: skip
            size = QDoubleSpinBox()
            size.setObjectName(f"voxel_{name}")
            size.setRange(0.01, _LARGEST_NM)
            size.setDecimals(2)
            size.setValue(first)
            size.setSuffix(" nm")
            size.setButtonSymbols(size.ButtonSymbols.NoButtons)
            form.addRow(words, size)
            self.sizes.append(size)
        self.sizes[0].valueChanged.connect(self.sizes[1].setValue)
        use = QPushButton("Use this voxel size")
        use.setObjectName("use_voxel_size")
        use.setProperty("role", "primary")
        use.clicked.connect(self._on_use_size)
        form.addRow(use)
        return box

    def _on_use_size(self) -> None:
        x, y, z = (size.value() for size in self.sizes)
        opening.set_spacing(self.desk, (z, y, x))

    def _on_open_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a stack", "", _FILES)
        if path:
            opening.open_path(self.desk, path)

    def _on_open_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Open a folder of sections")
        if path:
            opening.open_path(self.desk, path)

    def _on_adopt(self) -> None:
        if self._adoptable is not None:
            opening.adopt_or_say(self.desk, self._adoptable)
