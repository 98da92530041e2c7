"""The table of pairs at synapses: the least sure first, a row leads to its synapse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableView

from napari_emseg.ui.rows_model import RowsModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.jobs.kept_synapses import Row

COLUMNS: dict[str, tuple[str, str]] = {
    "number": ("No.", "Number of the synapse: several pairs may share one"),
    "pre_id": ("Pre", "The presynaptic cell, as the labels are now"),
    "direction": ("", "→ presynaptic to postsynaptic; ? direction unknown"),
    "post_id": ("Post", "The postsynaptic cell, as the labels are now"),
    "confidence": ("Sure", "Probability of this pair with this direction, when it was found"),
    "volume": ("Size", "Volume of the cleft, in millions of nm³"),
    "verdict": ("You", "What you said of it"),
}
"""Column to title and help."""

SORT_ROLE = Qt.ItemDataRole.UserRole
SITES_ROLE = Qt.ItemDataRole.UserRole + 1
_SAID = {"": "", "right": "right", "wrong": "no pair", "turned": "turned"}
_WIDTHS = {"number": 36, "direction": 22, "confidence": 48, "volume": 46, "verdict": 58}
_HEIGHT = 96  # header and some rows: the stage fits on a small screen
_MIDDLE = ("direction", "verdict")
_LEFT = ("post_id",)


class SynapseModel(RowsModel):
    """Pairs as they stand."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(len(COLUMNS), parent)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Titles, and what they mean."""
        if orientation == Qt.Orientation.Horizontal:
            title, text = list(COLUMNS.values())[section]
            if role == Qt.ItemDataRole.DisplayRole:
                return title
            if role == Qt.ItemDataRole.ToolTipRole:
                return text
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _aligned(list(COLUMNS)[section])
        return None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """One cell."""
        row, name = self.rows[index.row()], list(COLUMNS)[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return words_of(row, name)
        if role == SORT_ROLE:
            return _value(row, name)
        if role == SITES_ROLE:
            return row.sites
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _aligned(name)
        return None


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


class SynapseTable(QTableView):
    """Table of pairs."""

    picked = Signal(object)
    """Sites of the row that was clicked, or chosen with Enter."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setObjectName("synapses")
        self.rows = SynapseModel(self)
        self.sorted_rows = QSortFilterProxyModel(self)
        self.sorted_rows.setSortRole(SORT_ROLE)
        self.sorted_rows.setSourceModel(self.rows)
        self.setModel(self.sorted_rows)
        self.setSortingEnabled(True)
        self.sortByColumn(list(COLUMNS).index("confidence"), Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(22)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(20)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for name, width in _WIDTHS.items():
            place = list(COLUMNS).index(name)
            header.setSectionResizeMode(place, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(place, width)
        self.setMinimumHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.clicked.connect(self._on_row)
        self.activated.connect(self._on_row)

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show other pairs; the order that the person chose stays."""
        self.rows.put(rows)

    def select(self, sites: Any) -> None:
        """Mark the row of a pair and bring it into sight; none where there is no such pair."""
        place = next((k for k, row in enumerate(self.rows.rows) if row.sites == sites), -1)
        if place < 0:
            self.clearSelection()
            return
        index = self.sorted_rows.mapFromSource(self.rows.index(place, 0))
        self.selectRow(index.row())
        self.scrollTo(index)

    def _on_row(self, index: QModelIndex) -> None:
        self.picked.emit(index.data(SITES_ROLE))
