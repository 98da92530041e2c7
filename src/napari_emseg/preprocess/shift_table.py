"""Alignment by whole-pixel shifts: a canvas on which nothing is cut, and the exact way back.

A table has one row ``dy dx`` a section: by how many pixels the section's content moves down and to the right. The canvas
reaches from the smallest to the largest shift, so aligning moves pixels and changes none, and going back with the
same table gives the very same sections. Points are moved by arithmetic, never drawn and found again, so that none is
lost and none collides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray


_FRACTION_PX = 1e-6  # less is what adding up decimal numbers leaves
_LARGEST_PX = 1 << 24  # a shift beyond this is a wrong file, and its canvas would fill the disk


@dataclass(frozen=True, eq=False)
class ShiftTable:
    """Absolute shifts of all sections.

    Parameters
    ----------
    shifts : ndarray (z, 2) int64
        (dy, dx) in pixels.
    margin : int
        Empty pixels kept on every side beyond what the shifts need.
    rounded : int
        Rows that were given with fractions of pixels.

    Raises
    ------
    EmsegError
        If a shift is not a finite number, or absurdly large.
    """

    shifts: NDArray[np.int64]
    margin: int = 0
    rounded: int = 0

    @classmethod
    def of(
        cls, rows: ArrayLike, *, cumulative: bool = False, margin: int = 0, where: str = "the shifts"
    ) -> ShiftTable:
        """Check numbers and round them to whole pixels.

        Parameters
        ----------
        rows : array-like (z, 2)
            (dy, dx); fractions are rounded to the nearest whole pixel, after adding up.
        cumulative : bool
            Whether rows are increments from section to section, to be added up.
        margin : int
            Empty pixels kept on every side.
        where : str
            For messages.
        """
        values = np.asarray(rows, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != 2 or not len(values):
            raise EmsegError(
                f"shifts are rows of two numbers dy dx, not {values.shape}",
                where,
                "write one row for each section",
            )
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(bad):
            raise EmsegError("a shift is not a number", f"{where}, row {bad[0] + 1}", "correct that row")
        if cumulative:
            values = np.cumsum(values, axis=0)
        large = np.flatnonzero((np.abs(values) > _LARGEST_PX).any(axis=1))
        if len(large):
            raise EmsegError(
                "a shift is absurdly large", f"{where}, row {large[0] + 1}", "shifts are in pixels"
            )
        if margin < 0:
            raise EmsegError("a margin is not negative", f"{margin} px", "give 0 or more")
        whole = np.rint(values)
        rounded = int((np.abs(values - whole) > _FRACTION_PX).any(axis=1).sum())
        return cls(whole.astype(np.int64), int(margin), rounded)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person who gave the table should know."""
        if not self.rounded:
            return ()
        holds = "holds" if self.rounded == 1 else "hold"
        return (f"{counted(self.rounded, 'row')} {holds} fractions of pixels, which are rounded",)

    def __len__(self) -> int:
        return len(self.shifts)

    @property
    def origin(self) -> tuple[int, int]:
        """Where an unshifted section would lie on the canvas, (y, x)."""
        y, x = (self.margin - self.shifts.min(axis=0)).tolist()
        return int(y), int(x)

    def canvas(self, section: tuple[int, int]) -> tuple[int, int]:
        """Size (y, x) of the canvas for sections of this size."""
        grow = (self.shifts.max(axis=0) - self.shifts.min(axis=0) + 2 * self.margin).tolist()
        return section[0] + int(grow[0]), section[1] + int(grow[1])

    def original(self, canvas: tuple[int, int], where: str = "") -> tuple[int, int]:
        """Size (y, x) of the sections that make a canvas of this size.

        Raises
        ------
        EmsegError
            If the canvas is too small for this table.
        """
        height, width = self.canvas((0, 0))
        if canvas[0] <= height or canvas[1] <= width:
            raise EmsegError(
                f"sections of {canvas[0]} x {canvas[1]} px cannot have been aligned with this table",
                where,
                f"it alone needs more than {height} x {width} px: give the table it was aligned with",
            )
        return canvas[0] - height, canvas[1] - width

    def place(self, z: int, section: tuple[int, int]) -> tuple[slice, slice]:
        """Where a section of this size lies on the canvas."""
        y, x = (self.shifts[z] + self.origin).tolist()
        return slice(int(y), int(y) + section[0]), slice(int(x), int(x) + section[1])

    def check_length(self, sections: int, where: str) -> None:
        """Refuse a stack with another number of sections."""
        if sections != len(self):
            raise EmsegError(
                f"the table has {counted(len(self), 'row')} and the stack {counted(sections, 'section')}",
                where,
                "give one row dy dx for each section",
            )


def align_section(section: NDArray[Any], z: int, table: ShiftTable, *, fill: float = 0) -> NDArray[Any]:
    """Put one section on the canvas.

    Parameters
    ----------
    section : ndarray (y, x)
        Grey values or labels.
    z : int
        Its number.
    fill : float
        What surrounds it.

    Returns
    -------
    ndarray (y, x)
        Of the same type.
    """
    height, width = section.shape
    out = np.full(table.canvas((height, width)), fill, section.dtype)
    out[table.place(z, (height, width))] = section
    return out


def unalign_section(section: NDArray[Any], z: int, table: ShiftTable) -> NDArray[Any]:
    """The exact inverse of `align_section`: cut one section out of the canvas again."""
    height, width = section.shape
    return section[table.place(z, table.original((height, width)))].copy()


def align(stack: NDArray[Any], table: ShiftTable, *, fill: float = 0) -> NDArray[Any]:
    """Align a stack (z, y, x); see `align_section`."""
    table.check_length(len(stack), "the stack")
    return np.stack([align_section(section, z, table, fill=fill) for z, section in enumerate(stack)])


def unalign(stack: NDArray[Any], table: ShiftTable) -> NDArray[Any]:
    """The exact inverse of `align`."""
    table.check_length(len(stack), "the stack")
    return np.stack([unalign_section(section, z, table) for z, section in enumerate(stack)])


def align_points(points: NDArray[np.floating], table: ShiftTable) -> NDArray[np.float64]:
    """Move points with the sections that they lie in.

    Parameters
    ----------
    points : ndarray (n, 3)
        (z, y, x) in pixels; the whole number below z is the section. Points beyond the stack move with its first or
        last section, so none is lost.
    """
    moved = np.array(points, dtype=np.float64).reshape(-1, 3)
    moved[:, 1:] += table.shifts[_section_of(moved, table)] + table.origin
    return moved


def unalign_points(points: NDArray[np.floating], table: ShiftTable) -> NDArray[np.float64]:
    """The inverse of `align_points`."""
    moved = np.array(points, dtype=np.float64).reshape(-1, 3)
    moved[:, 1:] -= table.shifts[_section_of(moved, table)] + table.origin
    return moved


def _section_of(points: NDArray[np.float64], table: ShiftTable) -> NDArray[np.intp]:
    return np.clip(np.floor(points[:, 0]), 0, len(table) - 1).astype(np.intp)


def read_shifts(path: Path, *, cumulative: bool = False, margin: int = 0) -> ShiftTable:
    """Read a text file with one row ``dy dx`` a section.

    Numbers stand apart by blanks, commas or tabs; ``#`` begins a comment; one row of column names is skipped.

    Raises
    ------
    EmsegError
        If the file cannot be read or a row does not hold two numbers.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EmsegError("the table cannot be read", str(path), "give a text file with rows dy dx") from error
    rows: list[tuple[float, float]] = []
    is_first = True
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].replace(",", " ").replace(";", " ").split()
        if not words:
            continue
        numbers = _numbers(words)
        if numbers is None or len(numbers) != 2:
            if is_first and numbers is None and len(words) == 2:
                is_first = False
                continue  # names of the columns
            raise EmsegError(
                "a row does not hold two numbers dy dx", f"{path}, line {number}", f"it says {line.strip()!r}"
            )
        rows.append((numbers[0], numbers[1]))
        is_first = False
    if not rows:
        raise EmsegError("the table is empty", str(path), "write one row dy dx for each section")
    return ShiftTable.of(rows, cumulative=cumulative, margin=margin, where=str(path))


def _numbers(words: Sequence[str]) -> list[float] | None:
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


def shifts_as_text(table: ShiftTable, *, comment: str = "") -> str:
    """The content of a file that `read_shifts` reads."""
    head = [f"# {line}" for line in comment.splitlines()] + ["# dy dx, pixels, one row a section"]
    return "\n".join([*head, *(f"{y} {x}" for y, x in table.shifts.tolist())]) + "\n"
