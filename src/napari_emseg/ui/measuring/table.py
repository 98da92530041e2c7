"""The table of measured objects: sorted by any column, a row leads to its object."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QModelIndex, Qt

from napari_emseg.ui.rows_model import RowsModel
from napari_emseg.ui.rows_table import KEY_ROLE, SORT_ROLE, RowsTable

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


class MeasureModel(RowsModel):
    """Rows of a measurement."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(COLUMNS.values(), parent)

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """One cell; nothing where nothing could be measured."""
        row, name = self.rows[index.row()], list(COLUMNS)[index.column()]
        value = row.get(name)
        if role == Qt.ItemDataRole.DisplayRole:
            return words_of(name, value)
        if role == SORT_ROLE:
            return -1.0 if value is None else value
        if role == KEY_ROLE:
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


class MeasureTable(RowsTable):
    """Table of objects, the largest first; the key of a row is the object's id."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(MeasureModel(), "measured", 36, parent)
        self.sortByColumn(1, Qt.SortOrder.DescendingOrder)
