"""A table whose rows lead somewhere, sorted by any column: what all our long tables share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.ui.rows_model import RowsModel

SORT_ROLE = Qt.ItemDataRole.UserRole
"""What rows are sorted by."""

KEY_ROLE = Qt.ItemDataRole.UserRole + 1
"""What a row is about: the same in all its cells."""

_HEIGHT = 96  # header and some rows: the stage fits on a small screen


class RowsTable(QTableView):
    """Table of the rows of a model.

    Parameters
    ----------
    rows : RowsModel
        Answers `SORT_ROLE` and `KEY_ROLE`, too.
    name : str
        Of the widget.
    least_px : int
        Width of the narrowest column.
    parent : QWidget, optional
    """

    picked = Signal(object)
    """Key of the row that was clicked, or chosen with Enter."""

    def __init__(self, rows: RowsModel, name: str, least_px: int, parent: Any = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.rows = rows
        self.rows.setParent(self)
        self.sorted_rows = QSortFilterProxyModel(self)
        self.sorted_rows.setSortRole(SORT_ROLE)
        self.sorted_rows.setSourceModel(self.rows)
        self.setModel(self.sorted_rows)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(22)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(least_px)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setMinimumHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.clicked.connect(self._on_row)
        self.activated.connect(self._on_row)

    def show_rows(self, rows: Sequence[Any]) -> None:
        """Show other rows; the order that the person chose stays."""
        self.rows.put(rows)

    def select(self, key: Any) -> bool:
        """Mark the row of a key and bring it into sight, or no row where there is none; whether there is one."""
        for k in range(self.rows.rowCount()):
            if self.rows.data(self.rows.index(k, 0), KEY_ROLE) == key:
                index = self.sorted_rows.mapFromSource(self.rows.index(k, 0))
                self.selectRow(index.row())
                self.scrollTo(index)
                return True
        self.clearSelection()
        return False

    def _on_row(self, index: QModelIndex) -> None:
        self.picked.emit(index.data(KEY_ROLE))
