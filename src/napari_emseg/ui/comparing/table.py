"""The table of objects and what is wrong with them: sorted by any column, filtered by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtGui import QBrush, QColor

from napari_emseg.algorithms.metrics.error_map import EXTRA, MERGE, MISSED, SPLIT
from napari_emseg.ui.comparing.words import COLOURS, size_words
from napari_emseg.ui.rows_model import RowsModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.algorithms.metrics.object_errors import ObjectErrors

COLUMNS = ("Error", "Id", "Size", "Right", "Cost")
HELP = (
    "What is wrong: into how many segments it is split, or how many objects its segment holds",
    "Id in the truth; for segments that are not in it, their own id",
    "Volume of the object",
    "How much of it the largest segment holds",
    "What it adds to the split and merge errors of the volume, in bit; missed objects come first",
)
KINDS_OF: dict[str, tuple[int, ...]] = {
    "split": (SPLIT,), "merged": (MERGE,), "split and merged": (SPLIT, MERGE), "missed": (MISSED,),
    "not in the truth": (EXTRA,), "right": (),
}  # fmt: skip
SORT_ROLE = Qt.ItemDataRole.UserRole
ROW_ROLE = Qt.ItemDataRole.UserRole + 1


class ErrorModel(RowsModel):
    """Rows of a comparison."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(zip(COLUMNS, HELP, strict=True), parent)
        self._voxel_nm3: float | None = None

    def show_rows(self, rows: Sequence[ObjectErrors], voxel_nm3: float | None) -> None:
        """Show another comparison."""
        self._voxel_nm3 = voxel_nm3
        self.put(rows)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """The size has a unit, which depends on what is known."""
        found = super().headerData(section, orientation, role)
        if found is not None and section == 2 and role == Qt.ItemDataRole.DisplayRole:
            return found + ("\nvoxels" if self._voxel_nm3 is None else "\nµm³")
        return found

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """One cell."""
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words(row)[column]
        if role == SORT_ROLE:
            cost = row.voi_split + row.voi_merge
            if row.error == "missed":  # costs the scores nothing where nothing else was missed
                cost = float("inf")
            return (row.error, row.object_id or row.main_segment, row.voxels, row.main_part, cost)[column]
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.ToolTipRole:
            return about(row)
        if role == Qt.ItemDataRole.DecorationRole and column == 0 and KINDS_OF[row.error]:
            return QBrush(QColor(COLOURS[KINDS_OF[row.error][0]])).color()
        if role == Qt.ItemDataRole.TextAlignmentRole and column:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def _words(self, row: ObjectErrors) -> tuple[str, ...]:
        error: str = row.error
        if row.pieces > 1:
            error = f"split in {row.pieces}" + (", merged" if row.merged_with else "")
        elif row.error == "merged":
            error = f"merged {row.n_merged + 1}"
        extra = not row.object_id
        return (
            error[0].upper() + error[1:],
            str(row.object_id or row.main_segment),
            size_words(row.voxels, self._voxel_nm3),
            "" if extra else f"{100 * row.main_part:.0f} %",
            "" if extra or row.error == "missed" else f"{row.voi_split + row.voi_merge:.3f}",
        )


class ErrorFilter(QSortFilterProxyModel):
    """Leaves kinds of errors out, and sorts by values instead of words."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setSortRole(SORT_ROLE)
        self._kinds: frozenset[int] = frozenset(COLOURS)
        self._with_right = False

    def show_kinds(self, kinds: frozenset[int], *, with_right: bool) -> None:
        """Show objects that have one of these kinds of error, and those that are right if wanted."""
        self._kinds, self._with_right = kinds, with_right
        self.invalidateFilter()

    def filterAcceptsRow(self, source_row: int, source_parent: QModelIndex) -> bool:  # noqa: N802
        """Whether a row is shown."""
        row = self.sourceModel().rows[source_row]
        kinds = KINDS_OF[row.error]
        return bool(self._kinds.intersection(kinds)) if kinds else self._with_right


def about(row: ObjectErrors) -> str:
    """What is known of a row, in a sentence or two."""
    if not row.object_id:
        return f"Segment {row.main_segment} lies where the truth has nothing."
    text = f"Object {row.object_id}"
    if row.error == "missed":
        return f"{text} has no segment."
    text += f" is {100 * row.main_part:.1f} % in segment {row.main_segment}"
    text += f", the rest in {row.pieces - 1} more." if row.pieces > 1 else "."
    if row.merged_with:
        some = ", ".join(map(str, row.merged_with[:5])) + (" ..." if row.n_merged > 5 else ".")
        text += f" That segment also holds part of object{'s' * (len(row.merged_with) > 1)} {some}"
    return text
