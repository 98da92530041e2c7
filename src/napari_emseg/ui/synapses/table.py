"""The table of pairs at synapses: the least sure first, a row leads to its synapse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtWidgets import QHeaderView

from napari_emseg.ui.rows_model import RowsModel
from napari_emseg.ui.rows_table import KEY_ROLE, SORT_ROLE, RowsTable

if TYPE_CHECKING:
    from napari_emseg.jobs.kept_synapses import Row

COLUMNS: dict[str, tuple[str, str]] = {
    "number": ("No.", "Number of the synapse: several pairs may share one"),
    "pre_id": ("Pre", "The presynaptic cell, as the labels are now"),
    "direction": ("", "→ presynaptic to postsynaptic; ? direction unknown"),
    "post_id": ("Post", "The postsynaptic cell, as the labels are now"),
    "confidence": ("Sure", "Probability of this pair with this direction, when it was found"),
    "volume": ("10⁶ nm³", "Size: volume of the cleft, in millions of nm³"),
    "verdict": ("You", "What you said of it"),
}
"""Column to title and help."""

_NAMES = tuple(COLUMNS)
_SAID = {"": "", "right": "right", "wrong": "no pair", "turned": "turned"}
_WIDTHS = {"number": 46, "direction": 22, "confidence": 48, "volume": 60, "verdict": 58}
_MIDDLE = ("direction", "verdict")
_LEFT = ("post_id",)


class SynapseModel(RowsModel):
    """Pairs as they stand."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(COLUMNS.values(), parent)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Titles stand over what is below them."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return _aligned(_NAMES[section])
        return super().headerData(section, orientation, role)

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """One cell."""
        row, name = self.rows[index.row()], _NAMES[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return words_of(row, name)
        if role == SORT_ROLE:
            return _value(row, name)
        if role == KEY_ROLE:
            return row.sites
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _aligned(name)
        return None

    def value(self, row: int, column: int) -> Any:
        """What a row is sorted by."""
        return _value(self.rows[row], _NAMES[column])

    def values(self, column: int) -> list[Any]:
        """The same of all rows."""
        name = _NAMES[column]
        return [_value(row, name) for row in self.rows]

    def key(self, row: int) -> Any:
        """The two sites."""
        return self.rows[row].sites


def words_of(row: Row, name: str) -> str:
    """What stands in a cell."""
    if name in ("pre_id", "post_id"):
        return str(getattr(row, name) or "gone")
    if name == "direction":
        return "→" if row.is_directed else "?"
    if name == "confidence":
        return f"{100 * row.pair.confidence:.0f} %"
    if name == "volume":
        return f"{row.synapse.volume_nm3 / 1e6:.2f}"
    if name == "verdict":
        return _SAID[row.verdict]
    return str(row.number)


def _value(row: Row, name: str) -> Any:
    if name == "confidence":
        return row.pair.confidence
    if name == "volume":
        return row.synapse.volume_nm3
    if name == "direction":
        return int(row.is_directed)
    return float(value) if isinstance(value := getattr(row, name), int) else value


def _aligned(name: str) -> int:
    side = Qt.AlignmentFlag.AlignRight
    if name in _MIDDLE:
        side = Qt.AlignmentFlag.AlignHCenter
    elif name in _LEFT:
        side = Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)


class SynapseTable(RowsTable):
    """Table of pairs, the least sure first; the key of a row is its sites."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(SynapseModel(), "synapses", 20, parent)
        self.sortByColumn(list(COLUMNS).index("confidence"), Qt.SortOrder.AscendingOrder)
        header = self.horizontalHeader()
        for name, width in _WIDTHS.items():
            place = list(COLUMNS).index(name)
            header.setSectionResizeMode(place, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(place, width)
