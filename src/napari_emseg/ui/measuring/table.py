"""The table of measured objects: sorted by any column, a row leads to its object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableView

from napari_emseg.ui.rows_model import RowsModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.measure.survey import Row

COLUMNS: dict[str, tuple[str, str]] = {
    "id": ("Id", "Click a row to see the object"),
    "volume_um3": ("Volume\nµm³", "Voxels times the volume of one"),
    "calibre_median_nm": (
        "Calibre\nnm",
        "Median diameter of the cross-sections along the axis; empty where no cross-section is whole",
    ),
    "calibre_min_nm": ("Least\nnm", "Diameter of the narrowest cross-section"),
    "length_nm": ("Length\nµm", "Along the axis, with all branches"),
    "contact_area_um2": ("Contact\nµm²", "Area that it shares with other objects"),
}
"""Column of the measurement to title and help of the table."""

_UM = {"length_nm"}  # shown in micrometres: an axon is long
_LEAST = 0.001  # µm³ or µm²: what is smaller says nothing in a narrow column, and is in the saved table
SORT_ROLE = Qt.ItemDataRole.UserRole
ID_ROLE = Qt.ItemDataRole.UserRole + 1
_HEIGHT = 96  # header and some rows: the stage fits on a small screen


class MeasureModel(RowsModel):
    """Rows of a measurement."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(len(COLUMNS), parent)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Titles with their units, and what they mean."""
        if orientation == Qt.Orientation.Horizontal:
            title, text = list(COLUMNS.values())[section]
            if role == Qt.ItemDataRole.DisplayRole:
                return title
            if role == Qt.ItemDataRole.ToolTipRole:
                return text
        return None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """One cell; nothing where nothing could be measured."""
        row, name = self.rows[index.row()], list(COLUMNS)[index.column()]
        value = row.get(name)
        if role == Qt.ItemDataRole.DisplayRole:
            return words_of(name, value)
        if role == SORT_ROLE:
            return -1.0 if value is None else float(value)
        if role == ID_ROLE:
            return int(row["id"] or 0)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None


def words_of(name: str, value: float | int | None) -> str:
    """A number for people: three digits that count."""
    if value is None:
        return ""
    if name == "id":
        return str(value)
    number = value / 1000 if name in _UM else value
    if number >= 100 or number == 0:
        return f"{number:.0f}"
    if number < _LEAST:
        return f"< {_LEAST:g}"
    return f"{number:.3g}" if number >= 10 * _LEAST else f"{number:.1g}"


class MeasureTable(QTableView):
    """Table of objects."""

    picked = Signal(int)
    """Id of the row that was clicked, or chosen with Enter."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setObjectName("measured")
        self.rows = MeasureModel(self)
        self.sorted_rows = QSortFilterProxyModel(self)
        self.sorted_rows.setSortRole(SORT_ROLE)
        self.sorted_rows.setSourceModel(self.rows)
        self.setModel(self.sorted_rows)
        self.setSortingEnabled(True)
        self.sortByColumn(1, Qt.SortOrder.DescendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(22)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(36)
        self.setMinimumHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.clicked.connect(self._on_row)
        self.activated.connect(self._on_row)

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show other objects; the order that the person chose stays."""
        self.rows.put(rows)

    def select(self, object_id: int) -> None:
        """Mark the row of an object and bring it into sight."""
        for k in range(self.sorted_rows.rowCount()):
            index = self.sorted_rows.index(k, 0)
            if index.data(ID_ROLE) == object_id:
                self.selectRow(k)
                self.scrollTo(index)
                return

    def _on_row(self, index: QModelIndex) -> None:
        self.picked.emit(int(index.data(ID_ROLE)))
