"""The list of errors: colours that filter, a table that sorts, a row that leads to its error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QModelIndex, QSize, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHeaderView,
    QPushButton,
    QSizePolicy,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_emseg.ui.comparing.legend import Legend
from napari_emseg.ui.comparing.table import ROW_ROLE, ErrorFilter, ErrorModel
from napari_emseg.ui.panels.base import row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.algorithms.metrics.object_errors import ObjectErrors

_TABLE_HEIGHT = 112
_SWATCH = 10
_COST = 4  # column that the table is sorted by at first


class ErrorList(QWidget):
    """Legend, table and what can be done with it."""

    picked = Signal(object)
    """The row that was clicked, or chosen with Enter."""
    save_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.legend = Legend()
        self.model = ErrorModel(self)
        self.shown = ErrorFilter(self)
        self.shown.setSourceModel(self.model)
        self.table = QTableView()
        self.table.setObjectName("errors")
        self.table.setModel(self.shown)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(_COST, Qt.SortOrder.DescendingOrder)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        self.table.setIconSize(QSize(_SWATCH, _SWATCH))
        self.table.verticalHeader().setVisible(False)
        self.table.verticalHeader().setDefaultSectionSize(22)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(36)
        self.table.setMinimumHeight(_TABLE_HEIGHT)
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.with_right = QCheckBox("Objects without errors too")
        self.with_right.setObjectName("with_right")
        self.save = QPushButton("Save the table ...")
        self.save.setObjectName("save_table")
        self.save.setToolTip("As comma-separated values, all objects, with their places")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 4, 12, 8)
        column.setSpacing(6)
        column.addWidget(self.legend)
        column.addWidget(self.table, 1)
        column.addLayout(row(self.with_right, self.save, equal=False))
        self.legend.changed.connect(self._on_filter)
        self.with_right.toggled.connect(self._on_filter)
        self.table.clicked.connect(self._on_row)
        self.table.activated.connect(self._on_row)
        self.save.clicked.connect(self.save_asked)

    def show_rows(self, rows: Sequence[ObjectErrors], voxel_nm3: float | None) -> None:
        """Show another comparison."""
        self.model.show_rows(rows, voxel_nm3)
        self.legend.count(rows)

    def _on_filter(self, *_: object) -> None:
        self.shown.show_kinds(self.legend.kinds, with_right=self.with_right.isChecked())

    def _on_row(self, index: QModelIndex) -> None:
        found = index.data(ROW_ROLE)
        if found is not None:
            self.picked.emit(found)
