"""Rows of something in a table, as Qt wants them: what all our tables share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

_NO_PARENT = QModelIndex()


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

    def put(self, rows: Sequence[Any]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.rows = tuple(rows)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = _NO_PARENT) -> int:  # noqa: N802 - Qt's name
        """Number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = _NO_PARENT) -> int:  # noqa: N802 - Qt's name
        """Always the same."""
        return 0 if parent.isValid() else self._columns
