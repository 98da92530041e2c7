"""The list of errors: colours that filter, a table that sorts, a row that leads to its error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QCheckBox, QHeaderView, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_emseg.ui.comparing.legend import Legend
from napari_emseg.ui.comparing.table import ErrorModel
from napari_emseg.ui.panels.base import row
from napari_emseg.ui.rows_table import KEY_ROLE, RowsTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.algorithms.metrics.object_errors import ObjectErrors

_TABLE_HEIGHT = 112
_LEAST_PX = 36
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
        self.model = ErrorModel()
        self.table = RowsTable(self.model, "errors", _LEAST_PX)
        self.table.sortByColumn(_COST, Qt.SortOrder.DescendingOrder)
        self.table.setIconSize(QSize(_SWATCH, _SWATCH))
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
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
        self.table.picked.connect(self.picked)
        self.save.clicked.connect(self.save_asked)

    def show_rows(self, rows: Sequence[ObjectErrors], voxel_nm3: float | None) -> None:
        """Show another comparison."""
        self.model.show_rows(rows, voxel_nm3)
        self.legend.count(rows)

    def _on_filter(self, *_: object) -> None:
        chosen = self.table.currentIndex().data(KEY_ROLE)
        self.model.show_kinds(self.legend.kinds, with_right=self.with_right.isChecked())
        self.table.select(chosen)
