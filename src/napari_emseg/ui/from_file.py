"""Take membranes from a file: part of the Predict panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QCheckBox, QFileDialog, QPushButton

from napari_emseg.ui.array_list import ArrayList
from napari_emseg.ui.flows import given
from napari_emseg.ui.long_words import NameButton
from napari_emseg.ui.panels.base import action_button, faint, row, set_words
from napari_emseg.ui.unfolding import Unfolding

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_emseg.ui.desk import Desk

_TITLE = "Membranes from a file"
_FILES = "Stacks (*.tif *.tiff *.h5 *.hdf5 *.hdf *.nrrd *.mrc *.png);;All files (*)"


class FromFile(Unfolding):
    """What a cluster, or another program, has found.

    Parameters
    ----------
    desk : Desk
        Whose project takes it.
    """

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self.about = faint("Take the membranes that a cluster or another program has found in this stack.")
        self.file = QPushButton("Choose a file ...")
        self.file.setObjectName("membranes_file")
        self.file.setToolTip(
            "TIFF, HDF5: the whole stack, from 0 to 1 or in eight bits; one channel of several"
        )
        self.file.clicked.connect(self._on_file)
        self.folder = QPushButton("Choose a folder ...")
        self.folder.setObjectName("membranes_folder")
        self.folder.setToolTip(
            "OME-Zarr, N5, or a folder of sections: the whole stack, from 0 to 1 or in eight bits; one channel of several"
        )
        self.folder.clicked.connect(self._on_folder)
        self.layer = action_button(desk, "take_membranes", kind=NameButton)
        self.cells = QCheckBox("It shows cells, not membranes")
        self.cells.setObjectName("shows_cells")
        self.cells.setToolTip("Its values are high inside of cells")
        self.cells.clicked.connect(lambda: desk.do("turn_membranes"))
        self.arrays = ArrayList()
        self.arrays.picked.connect(self._take)
        lines = self.about, row(self.file, self.folder), self.arrays, self.layer, self.cells
        self.fold_away(lines, _TITLE, name="from_file")

    def refresh(self) -> None:
        """Follow the project."""
        session = self.desk.session
        file = session.membranes if session is not None else None
        self.setEnabled(session is not None)
        self.open_for(file is not None)
        self.about.setVisible(file is None)
        self.cells.setVisible(file is not None)
        if file is not None:
            self.cells.setChecked(file.shows_cells)
        others = given.other_maps(self.desk)
        self.layer.setVisible(bool(others))
        if others:
            set_words(self.layer, "take_membranes", f"Take those of “{others[-1].name}”")
        busy = "predict" in self.desk.work
        for button in (self.file, self.folder, self.layer):
            button.setEnabled(not busy)

    def _on_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Membranes of this stack", "", _FILES)
        if path:
            self._take(path)

    def _on_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Membranes of this stack: OME-Zarr, N5, or sections")
        if path:
            self._take(path)

    def _take(self, path: str) -> None:
        self.arrays.show_arrays(None)
        given.take(self.desk, path, ask=self.arrays.show_arrays)
