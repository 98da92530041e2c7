"""Tables of regions of interest: which box of a large data set was exported from which sections.

One row per range of sections: first and last section, x0 and x1, y0 and y1, in pixels of the full resolution; ends
of boxes are exclusive, last sections are included. Rows may be written in any of these ways::

    0-80: 10809-20685, 5448-11102
    0,80,10809,20685,5448,11102
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.textfiles import read_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

_MOST_DIGITS = 9  # no stack has a billion sections, none of them a billion pixels a side
_HEADING = "first,last,x0,x1,y0,y1"
_ROW = re.compile(r"\s*(\d+)\D+(\d+)\D+(\d+)\D+(\d+)\D+(\d+)\D+(\d+)\D*")
_NEGATIVE = re.compile(r"[^\d\s]\s*[-\u2212]\s*\d")  # a minus that does not stand between two numbers


@dataclass(frozen=True, slots=True)
class RoiRow:
    """One box: sections `first` to `last` (included), columns x0 to x1 and rows y0 to y1 (excluded)."""

    first: int
    last: int
    x0: int
    x1: int
    y0: int
    y1: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, in pixels of the full resolution."""
        return self.y1 - self.y0, self.x1 - self.x0


@dataclass(frozen=True, slots=True)
class RoiProblem:
    """What is wrong with a row, and which number would mend it.

    Parameters
    ----------
    row : int
        Index in the table.
    what : str
        The fault, for people.
    column : str
        Which number is wrong; empty where that is not clear.
    proposal : int or None
        What it should be.
    """

    row: int
    what: str
    column: str = ""
    proposal: int | None = None

    def __str__(self) -> str:
        mend = f"; {self.column} should be {self.proposal}" if self.proposal is not None else ""
        return f"row {self.row + 1}: {self.what}{mend}"


@dataclass(frozen=True, slots=True)
class RoiTable:
    """Rows of a table, in order."""

    rows: tuple[RoiRow, ...]

    def row_of(self, section: int) -> RoiRow:
        """The row that holds a section of the whole data set.

        Raises
        ------
        EmsegError
            If none does.
        """
        for row in self.rows:
            if row.first <= section <= row.last:
                return row
        raise EmsegError(f"no row of the table holds section {section}", "ROI table", "complete the table")

    @property
    def sections(self) -> tuple[int, ...]:
        """Sections of the whole data set that are in the table, in order."""
        return tuple(z for row in self.rows for z in range(row.first, row.last + 1))

    def to_local(self, points: ArrayLike, mip: int = 0) -> NDArray[np.float64]:
        """Points of the export from points of the whole data set.

        Parameters
        ----------
        points : array-like (n, 3)
            (section, y, x): middles of pixels of the full resolution.
        mip : int
            How often the export was halved in y and x.

        Returns
        -------
        ndarray (n, 3) of float
            (section from the first one of the table, y, x) in pixels of the export. A pixel of a mip level lies in
            the middle of those that it stands for.
        """
        return self._moved(points, mip, out=False)

    def to_global(self, points: ArrayLike, mip: int = 0) -> NDArray[np.float64]:
        """Points of the whole data set from points of the export: the inverse of `to_local`."""
        return self._moved(points, mip, out=True)

    def _moved(self, points: ArrayLike, mip: int, *, out: bool) -> NDArray[np.float64]:
        moved = np.array(points, float).reshape(-1, 3)
        begin, scale = self.rows[0].first, float(1 << mip)
        for point in moved:
            row = self.row_of(round(point[0]) + (begin if out else 0))
            corner = np.array([row.y0, row.x0], float)
            if out:
                point[1:] = (point[1:] + 0.5) * scale - 0.5 + corner
                point[0] += begin
            else:
                point[1:] = (point[1:] - corner + 0.5) / scale - 0.5
                point[0] -= begin
        return moved


def read_roi_table(path: Path) -> RoiTable:
    """Read a table. Lines that do not begin with a number are comments.

    Raises
    ------
    EmsegError
        If a row has not six numbers, or there is no row.
    """
    rows = []
    for n, line in enumerate(read_text(path, "ROI table").splitlines(), 1):
        if not line.strip()[:1].isdigit():
            continue
        match = _ROW.fullmatch(line)
        if not match or _NEGATIVE.search(line):
            raise EmsegError(
                f"line {n} is no row", str(path), "write: first-last: x0-x1, y0-y1, in whole numbers from 0"
            )
        if max(map(len, match.groups())) > _MOST_DIGITS:
            raise EmsegError(f"a number of line {n} is too large", str(path), "correct it")
        rows.append(RoiRow(*(int(v) for v in match.groups())))
    if not rows:
        raise EmsegError("the ROI table holds no row", str(path), "write: first-last: x0-x1, y0-y1")
    return RoiTable(tuple(rows))


def roi_text(table: RoiTable) -> str:
    """A table as comma-separated values, as `read_roi_table` reads them."""
    lines = [_HEADING, *(f"{r.first},{r.last},{r.x0},{r.x1},{r.y0},{r.y1}" for r in table.rows)]
    return "\n".join(lines) + "\n"


def check_roi_table(
    table: RoiTable, *, n_sections: int | None = None, equal: bool = True
) -> tuple[RoiProblem, ...]:
    """Find typing errors: boxes of another size than most, sections left out or named twice.

    Parameters
    ----------
    table : RoiTable
    n_sections : int, optional
        How many sections the data set has, counted from 0.
    equal : bool
        Whether all boxes must have one size, as boxes that were shifted by hand have.

    Returns
    -------
    tuple of RoiProblem
        Empty if all is well. A proposal is made where one number explains the fault: the box then has the size of
        the others and lies nearest to its neighbours.
    """
    found = [*_empty(table.rows), *_order(table.rows, n_sections)]
    if equal:
        found += _sizes(table.rows, {p.row for p in found if p.column in ("x0", "x1", "y0", "y1")})
    return tuple(sorted(found, key=lambda p: p.row))


def _empty(rows: Sequence[RoiRow]) -> list[RoiProblem]:
    """Boxes that end before they begin, where all others agree on a size: left to `_sizes` if it can mend them."""
    size = _usual_size(rows)
    return [
        RoiProblem(i, f"its box is empty: x {r.x0}-{r.x1}, y {r.y0}-{r.y1}")
        for i, r in enumerate(rows)
        if min(r.size) <= 0 and size is None
    ]


def _usual_size(rows: Sequence[RoiRow]) -> tuple[int, int] | None:
    """Height and width that most rows have; None where no size is in the majority."""
    sizes = []
    for axis in (0, 1):
        (value, count), *_ = Counter(r.size[axis] for r in rows).most_common(1)
        if value <= 0 or (2 * count <= len(rows) and len(rows) > 1):
            return None
        sizes.append(value)
    return sizes[0], sizes[1]


def _sizes(rows: Sequence[RoiRow], known: set[int]) -> list[RoiProblem]:
    usual = _usual_size(rows)
    if usual is None:
        return [
            RoiProblem(i, f"its box {r.size} differs from the first, {rows[0].size}")
            for i, r in enumerate(rows)
            if r.size != rows[0].size and i not in known
        ]
    found = []
    for i, row in enumerate(rows):
        for axis, low, high in ((0, "y0", "y1"), (1, "x0", "x1")):
            size = row.size[axis]
            if size != usual[axis]:
                word = "high" if axis == 0 else "wide"
                column, proposal = _mended(rows, i, low, high, usual[axis])
                what = f"its box is {size} and not {usual[axis]} pixels {word} like the others"
                found.append(RoiProblem(i, what, column, proposal))
    return found


def _mended(rows: Sequence[RoiRow], i: int, low: str, high: str, size: int) -> tuple[str, int | None]:
    """Which end of a box to change: the one that leaves the box nearest to those of the sections around it.

    Nothing is proposed where either would do.
    """
    begin, end = getattr(rows[i], low), getattr(rows[i], high)
    near = [
        getattr(rows[k], low) for k in (i - 1, i + 1) if 0 <= k < len(rows) and _length(rows[k], low) == size
    ]
    choices = [(low, end - size, end - size), (high, begin + size, begin)]
    choices = [c for c in choices if c[1] >= 0]
    if not near or not choices:
        return "", None
    expected = sum(near) / len(near)
    (column, proposal, _), *others = sorted(choices, key=lambda c: abs(c[2] - expected))
    steps = [abs(getattr(b, low) - getattr(a, low)) for a, b in pairwise(rows) if rows[i] not in (a, b)]
    if others and abs(others[0][2] - expected) <= max(steps, default=0):
        return "", None  # both ends could be wrong: boxes move that far between their neighbours
    return column, proposal


def _length(row: RoiRow, low: str) -> int:
    return row.size[0 if low == "y0" else 1]


def _order(rows: Sequence[RoiRow], n_sections: int | None) -> list[RoiProblem]:
    found = []
    following = 0
    for i, row in enumerate(rows):
        if row.last < row.first:
            found.append(RoiProblem(i, f"its last section {row.last} comes before its first {row.first}"))
        if i == 0 and n_sections is not None and row.first != 0:
            found.append(RoiProblem(i, f"sections 0 to {row.first - 1} are in no row", "first", 0))
        elif i and row.first > following:
            found.append(
                RoiProblem(i, f"sections {following} to {row.first - 1} are in no row", "first", following)
            )
        elif i and row.first < following:
            found.append(
                RoiProblem(i, f"sections {row.first} to {following - 1} are in two rows", "first", following)
            )
        following = max(row.last, row.first) + 1
    if n_sections is not None and following != n_sections:
        found.append(
            RoiProblem(
                len(rows) - 1,
                f"the table ends with section {following - 1} and the data set with {n_sections - 1}",
                "last",
                n_sections - 1,
            )
        )
    return found


def mended(table: RoiTable, problems: Sequence[RoiProblem]) -> RoiTable:
    """The table with all proposals put in."""
    rows = list(table.rows)
    for p in problems:
        if p.proposal is not None:
            rows[p.row] = replace(rows[p.row], **{p.column: p.proposal})
    return RoiTable(tuple(rows))


def mip_of(table: RoiTable, shape: tuple[int, int]) -> int | None:
    """Mip level at which an export has this shape (y, x), or None.

    Settles which of two contradicting notes is right: boxes of 9876 x 5654 pixels that were exported as images of
    2469 x 1413 were exported at mip 2.
    """
    height, width = table.rows[0].size
    return next((m for m in range(16) if (height >> m, width >> m) == tuple(shape)), None)
