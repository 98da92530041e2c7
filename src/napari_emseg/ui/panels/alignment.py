"""The page of the Clean up stage on which sections are aligned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFileDialog,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.flows import aligning
from napari_emseg.ui.panels.base import action_button, faint, row
from napari_emseg.ui.saving import ask_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_emseg.ui.desk import Desk

_TABLE_PX = 128
_ROW_PX = 20
_COLUMNS = ("Section", "Down (px)", "Right (px)")


class AlignmentPage(QWidget):
    """Estimate, a table to correct, a preview over the neighbour, and the aligned copy.

    Parameters
    ----------
    desk : Desk
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self._filling = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.about = faint()
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setObjectName("shifts")
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setFixedHeight(_TABLE_PX)
        self.table.setTabKeyNavigation(False)  # Tab goes on to what stands below
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        vertical, horizontal = self.table.verticalHeader(), self.table.horizontalHeader()
        if vertical is not None and horizontal is not None:
            vertical.setVisible(False)
            vertical.setDefaultSectionSize(_ROW_PX)
            horizontal.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.itemChanged.connect(self._on_edited)
        self.table.currentCellChanged.connect(lambda now, *_: self._on_chosen(now))
        self.wanted = QCheckBox("Preview over the section before")
        self.wanted.setObjectName("align_preview")
        self.wanted.setToolTip(
            "Green: the section on screen, magenta: the one before it, white: where they agree"
        )
        self.wanted.toggled.connect(lambda on: aligning.want_preview(self.desk, on))
        self.open = self._file_button("Open a table", self._on_open)
        self.save = self._file_button("Save the table", self._on_save)
        self.estimate = action_button(desk, "estimate_shifts")
        self.bend = action_button(desk, "estimate_bending")
        column.addLayout(row(self.estimate, self.bend))
        column.addWidget(self.about)
        column.addWidget(self.table)
        column.addWidget(self.wanted)
        column.addLayout(row(self.open, self.save))
        self.apply = action_button(desk, "align", primary=True)
        column.addWidget(self.apply)

    def refresh(self) -> None:
        """Follow the alignment of the open stack."""
        has = self.desk.session is not None
        state = aligning.aligning_of(self.desk) if has else None
        found = None if state is None else state.alignment
        # another estimate would put an end to a copy that is being made
        is_idle = "cleanup" not in self.desk.work
        self.estimate.setEnabled(has and is_idle)
        self.open.setEnabled(has)
        for button in (self.bend, self.apply):
            button.setEnabled(found is not None and is_idle)
        needing: tuple[QWidget, ...] = (self.save, self.wanted, self.table)
        for widget in needing:
            widget.setEnabled(found is not None)
        self.wanted.blockSignals(True)
        self.wanted.setChecked(state is not None and state.overlay.is_wanted)
        self.wanted.blockSignals(False)
        self.about.setText(self._words(state))
        self._fill(state)

    def _words(self, state: aligning.Aligning | None) -> str:
        if state is None or state.alignment is None:
            return "By how many pixels each section is moved. Nothing is cut, and nothing of your file is changed."
        height, width = state.alignment.shifts.canvas(state.session.image.shape[1:])
        text = f"The aligned copy has {width} × {height} px."
        if state.alignment.warp is not None:
            text += f" Sections are bent by up to {state.alignment.warp.largest_px:.1f} px."
        return text

    def _fill(self, state: aligning.Aligning | None) -> None:
        self._filling = True
        rows = [] if state is None or state.alignment is None else state.alignment.shifts.shifts.tolist()
        doubtful = () if state is None else state.doubtful
        if self.table.rowCount() != len(rows):
            self.table.setRowCount(len(rows))
            self.table.executeDelayedItemsLayout()  # only then it can be scrolled to the section on screen
        for z, (dy, dx) in enumerate(rows):
            for column, text in enumerate((f"{z} ?" if z in doubtful else str(z), str(dy), str(dx))):
                item = self.table.item(z, column)
                if item is None:
                    item = QTableWidgetItem()
                    if column == 0:
                        item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                    self.table.setItem(z, column, item)
                if item.text() != text:
                    item.setText(text)
                item.setToolTip("no neighbour agrees with it" if z in doubtful else "")
        if rows and self.table.currentRow() != self.desk.section:
            self.table.setCurrentCell(self.desk.section, max(1, self.table.currentColumn()))
        self._filling = False

    def _on_edited(self, item: QTableWidgetItem) -> None:
        if self._filling or item.column() == 0:
            return
        cells = [self.table.item(item.row(), column) for column in (1, 2)]
        try:
            dy, dx = (round(float(cell.text())) if cell is not None else 0 for cell in cells)
            aligning.set_shift(self.desk, item.row(), (dy, dx))
        except (ValueError, OverflowError):
            self.desk.say("cleanup", "A shift is a number of pixels.", tone="error")
            self.refresh()
        except EmsegError as error:
            self.desk.fail("cleanup", error)
            self.refresh()

    def _on_chosen(self, number: int) -> None:
        from napari_emseg.ui.view import go_to_section

        if not self._filling and number >= 0 and self.desk.layers is not None:
            go_to_section(self.desk.viewer, self.desk.layers.image, number)

    def _file_button(self, words: str, act: Callable[[], None]) -> QPushButton:
        button = QPushButton(words)
        button.clicked.connect(act)
        return button

    def _on_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Open a table of shifts", "", "Tables (*.txt *.csv);;All (*)"
        )
        if path:
            self._try(lambda: aligning.open_table(self.desk, Path(path)))

    def _on_save(self) -> None:
        if path := ask_name(self, "Save the table of shifts", "shifts.txt", "Tables (*.txt)", ""):
            self._try(lambda: aligning.save_table(self.desk, Path(path)))

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except EmsegError as error:
            self.desk.fail("cleanup", error)
