"""A table whose rows lead somewhere, sorted by any column: what all our long tables share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableView

from napari_emseg.ui.rows_model import KEY_ROLE, SORT_ROLE

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from napari_emseg.ui.rows_model import RowsModel

__all__ = ["KEY_ROLE", "SORT_ROLE", "RowsTable"]

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
        self.setModel(self.rows)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)  # Tab goes on to what stands below
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

    def change_rows(self, rows: Mapping[Hashable, Any]) -> bool:
        """Show some rows as they are now, by key; False, and nothing done, where one would move: then show all."""
        return self.rows.change(rows)

    def select(self, key: Any) -> bool:
        """Mark the row of a key and bring it into sight, or no row where there is none; whether there is one."""
        place = None if key is None else self.rows.place_of(key)
        if place is None:
            self.clearSelection()
            return False
        self.selectRow(place)
        self.scrollTo(self.rows.index(place, 0))
        return True

    def _on_row(self, index: QModelIndex) -> None:
        self.picked.emit(index.data(KEY_ROLE))
