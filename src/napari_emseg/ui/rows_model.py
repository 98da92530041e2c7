"""Rows of something in a table, as Qt wants them: what all our tables share."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

_NO_PARENT = QModelIndex()

SORT_ROLE = Qt.ItemDataRole.UserRole
"""What rows are sorted by."""

KEY_ROLE = Qt.ItemDataRole.UserRole + 1
"""What a row is about: the same in all its cells."""


class RowsModel(QAbstractTableModel):
    """A fixed number of columns; subclasses say what stands in a cell.

    Parameters
    ----------
    heads : sequence of (str, str)
        Title of every column, and what it means.
    parent : QObject, optional
    """

    def __init__(self, heads: Iterable[tuple[str, str]], parent: Any = None) -> None:
        super().__init__(parent)
        self.rows: tuple[Any, ...] = ()
        self._heads = tuple(heads)
        self._columns = len(self._heads)
        self._order: tuple[int, bool] | None = None
        self._places: dict[Hashable, int] | None = None
        self._twice: set[Hashable] = set()

    def put(self, rows: Sequence[Any]) -> None:
        """Show other rows, in the order that was chosen last."""
        self.beginResetModel()
        self.rows, self._places = tuple(rows), None
        if self._order is not None:
            self.rows = tuple(self.rows[k] for k in self._sorted(*self._order))
        self.endResetModel()

    def change(self, rows: Mapping[Hashable, Any]) -> bool:
        """Show some rows as they are now; what is selected stays selected.

        Parameters
        ----------
        rows : mapping of key to row

        Returns
        -------
        bool
            False, and nothing is changed, where a row is new or would stand in another place.
        """
        places = self._by_key()
        if not places.keys() >= rows.keys() or self._twice & rows.keys():
            return False
        column = self._order[0] if self._order is not None else -1
        before, now = self.rows, list(self.rows)
        touched = [places[key] for key in rows]
        was = [self.value(k, column) for k in touched if 0 <= column < self._columns]
        for key, row in rows.items():
            now[places[key]] = row
        self.rows = tuple(now)
        if was != [self.value(k, column) for k in touched if 0 <= column < self._columns]:
            self.rows = before
            return False
        for k in touched:
            self.dataChanged.emit(self.index(k, 0), self.index(k, self._columns - 1))
        return True

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
        return self._by_key().get(key)

    def value(self, row: int, column: int) -> Any:
        """What a row is sorted by."""
        return self.data(self.index(row, column), SORT_ROLE)

    def values(self, column: int) -> list[Any]:
        """The same of all rows, in their order; models of long lists have a quicker way."""
        return [self.value(k, column) for k in range(len(self.rows))]

    def key(self, row: int) -> Hashable:
        """What a row is about."""
        found: Hashable = self.data(self.index(row, 0), KEY_ROLE)
        return found

    def _by_key(self) -> dict[Hashable, int]:
        if self._places is None:
            keys = [self.key(k) for k in range(len(self.rows))]
            self._places = {key: k for k, key in enumerate(keys)}
            many = len(self._places) < len(keys)
            self._twice = {key for key, n in Counter(keys).items() if n > 1} if many else set()
        return self._places

    def _sorted(self, column: int, is_falling: bool) -> list[int]:
        """Rows in order; a column beyond the last leaves them as they came."""
        if not 0 <= column < self._columns:
            return list(range(len(self.rows)))
        values = self.values(column)
        return sorted(range(len(values)), key=values.__getitem__, reverse=is_falling)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802 - Qt's name
        """Titles of the columns, and what they mean."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self._heads[section][0]
            if role == Qt.ItemDataRole.ToolTipRole:
                return self._heads[section][1]
        return None

    def rowCount(self, parent: QModelIndex = _NO_PARENT) -> int:  # noqa: N802 - Qt's name
        """Number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = _NO_PARENT) -> int:  # noqa: N802 - Qt's name
        """Always the same."""
        return 0 if parent.isValid() else self._columns
