"""Rows of something in a table, as Qt wants them: what all our tables share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

_NO_PARENT = QModelIndex()

SORT_ROLE = Qt.ItemDataRole.UserRole
"""What rows are sorted by."""

KEY_ROLE = Qt.ItemDataRole.UserRole + 1
"""What a row is about: the same in all its cells."""


class RowsModel(QAbstractTableModel):
    """A fixed number of columns; subclasses say what stands in a cell.

    Parameters
    ----------
    columns : int
    parent : QObject, optional
    """

    def __init__(self, columns: int, parent: Any = None) -> None:
        super().__init__(parent)
        self.rows: tuple[Any, ...] = ()
        self._columns = columns
        self._order: tuple[int, bool] | None = None
        self._places: dict[Hashable, int] | None = None

    def put(self, rows: Sequence[Any]) -> None:
        """Show other rows, in the order that was chosen last."""
        self.beginResetModel()
        self.rows, self._places = tuple(rows), None
        if self._order is not None:
            self.rows = tuple(self.rows[k] for k in self._sorted(*self._order))
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the rows, and those that come later. What is selected stays selected.

        Each row is asked once for what it is sorted by: a proxy of Qt asks for every comparison, seconds for 20 000 rows.
        """
        self._order = column, order == Qt.SortOrder.DescendingOrder
        self.layoutAboutToBeChanged.emit()
        places = self._sorted(*self._order)
        now = {before: after for after, before in enumerate(places)}
        held = self.persistentIndexList()
        self.rows, self._places = tuple(self.rows[k] for k in places), None
        self.changePersistentIndexList(held, [self.index(now[one.row()], one.column()) for one in held])
        self.layoutChanged.emit()

    def place_of(self, key: Hashable) -> int | None:
        """Row of a key, or None."""
        if self._places is None:
            self._places = {self.key(k): k for k in range(len(self.rows))}
        return self._places.get(key)

    def value(self, row: int, column: int) -> Any:
        """What a row is sorted by."""
        return self.data(self.index(row, column), SORT_ROLE)

    def key(self, row: int) -> Hashable:
        """What a row is about."""
        found: Hashable = self.data(self.index(row, 0), KEY_ROLE)
        return found

    def _sorted(self, column: int, is_falling: bool) -> list[int]:
        """Rows in order; a column beyond the last leaves them as they came."""
        if not 0 <= column < self._columns:
            return list(range(len(self.rows)))
        values = [self.value(k, column) for k in range(len(self.rows))]
        return sorted(range(len(values)), key=values.__getitem__, reverse=is_falling)

    def rowCount(self, parent: QModelIndex = _NO_PARENT) -> int:  # noqa: N802 - Qt's name
        """Number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = _NO_PARENT) -> int:  # noqa: N802 - Qt's name
        """Always the same."""
        return 0 if parent.isValid() else self._columns
