"""The table of objects and what is wrong with them: sorted by any column, filtered by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QBrush, QColor

from napari_emseg.algorithms.metrics.error_map import EXTRA, MERGE, MISSED, SPLIT
from napari_emseg.ui.comparing.words import COLOURS, size_words
from napari_emseg.ui.rows_model import KEY_ROLE, SORT_ROLE, RowsModel

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


class ErrorModel(RowsModel):
    """Rows of a comparison that have one of the wanted kinds of error; each is its own key."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(zip(COLUMNS, HELP, strict=True), parent)
        self._every: tuple[ObjectErrors, ...] = ()
        self._voxel_nm3: float | None = None
        self._kinds: frozenset[int] = frozenset(COLOURS)
        self._with_right = False

    def show_rows(self, rows: Sequence[ObjectErrors], voxel_nm3: float | None) -> None:
        """Show another comparison."""
        self._every, self._voxel_nm3 = tuple(rows), voxel_nm3
        self._put_wanted()

    def show_kinds(self, kinds: frozenset[int], *, with_right: bool) -> None:
        """Show objects that have one of these kinds of error, and those that are right if wanted."""
        self._kinds, self._with_right = kinds, with_right
        self._put_wanted()

    def _put_wanted(self) -> None:
        wanted = {
            error: not self._kinds.isdisjoint(kinds) if kinds else self._with_right
            for error, kinds in KINDS_OF.items()
        }
        self.put([row for row in self._every if wanted[row.error]])

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
            return _sorted_by(row, column)
        if role == KEY_ROLE:
            return row
        if role == Qt.ItemDataRole.ToolTipRole:
            return about(row)
        if role == Qt.ItemDataRole.DecorationRole and column == 0 and KINDS_OF[row.error]:
            return QBrush(QColor(COLOURS[KINDS_OF[row.error][0]])).color()
        if role == Qt.ItemDataRole.TextAlignmentRole and column:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def values(self, column: int) -> list[Any]:
        """What all rows are sorted by, in their order."""
        return [_sorted_by(row, column) for row in self.rows]

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


def _sorted_by(row: ObjectErrors, column: int) -> str | float:
    # a missed object costs the scores nothing where nothing else was missed
    cost = float("inf") if row.error == "missed" else row.voi_split + row.voi_merge
    return (row.error, row.object_id or row.main_segment, row.voxels, row.main_part, cost)[column]


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
