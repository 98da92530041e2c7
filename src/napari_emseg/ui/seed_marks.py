"""What a person has changed about the seeds: placed, struck out; with a way back. No Qt and no napari."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from psygnal import Signal

from napari_emseg.algorithms.placed_seeds import NOTHING_PLACED, PlacedSeeds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_emseg.algorithms.placed_seeds import Voxel

Kind = Literal["found", "struck", "placed"]
Row = tuple[Kind, tuple[float, float, float]]
"""A dot on the canvas, and where it lies (z, y, x)."""


class SeedMarks:
    """Seeds of a stack as a person changed them.

    Parameters
    ----------
    shape : (z, y, x)
        Of the stack; what lies outside is not taken.
    placed : PlacedSeeds
        What was there before.
    """

    changed = Signal()

    def __init__(self, shape: Sequence[int], placed: PlacedSeeds = NOTHING_PLACED) -> None:
        self._shape = tuple(shape)
        self._before: list[PlacedSeeds] = []
        self._after: list[PlacedSeeds] = []
        self.placed = placed

    # ------------------------------------------------------------------ what can be done

    def add(self, places: Iterable[Sequence[float]]) -> None:
        """Place seeds."""
        self._set(points=(*self.placed.points, *self._inside(places)))

    def remove(self, rows: Iterable[Row]) -> None:
        """Take dots away: a found one is struck out, a struck one comes back, a placed one is gone."""
        gone = set(rows)
        found = self._inside(place for kind, place in gone if kind == "found")
        self._set(
            points=self._without("placed", gone, self.placed.points),
            struck=(*self._without("struck", gone, self.placed.struck), *found),
        )

    def move(self, moves: Iterable[tuple[Row, Sequence[float]]]) -> None:
        """Dots were moved: a found one is struck out and placed where it is now."""
        points, struck = list(self.placed.points), list(self.placed.struck)
        for (kind, place), to in moves:
            old, new = self._inside([place]), self._inside([to])
            if kind == "found":
                struck += old
                points += new
            else:
                where = points if kind == "placed" else struck
                where[:] = [q for p in where for q in (new if p in old else [p])]
        self._set(points=tuple(points), struck=tuple(struck))

    def clear(self) -> None:
        """Take all of it back; whether they grow alone stays."""
        self._set(points=(), struck=())

    def set_alone(self, alone: bool) -> None:
        """Whether only placed seeds grow. Not a thing to be undone."""
        if alone != self.placed.alone:
            self.placed = replace(self.placed, alone=alone)
            self.changed.emit()

    def undo(self) -> bool:
        """Take the last change back; False if there is none."""
        return self._step(self._before, self._after)

    def redo(self) -> bool:
        """Make the last change again that was taken back; False if there is none."""
        return self._step(self._after, self._before)

    def seal(self) -> None:
        """Forget the ways back."""
        self._before.clear()
        self._after.clear()

    # ------------------------------------------------------------------ what is there

    def rows(self, found: Iterable[Sequence[float]]) -> list[Row]:
        """All dots: those that were found, then those of the person."""
        return [
            *(("found", _place(p)) for p in found),
            *(("struck", _place(p)) for p in self.placed.struck),
            *(("placed", _place(p)) for p in self.placed.points),
        ]  # fmt: skip

    # ------------------------------------------------------------------ inside

    def _set(self, points: tuple[Voxel, ...], struck: tuple[Voxel, ...] | None = None) -> None:
        marks = self.placed.struck if struck is None else struck
        # two seeds in one voxel are one
        new = replace(self.placed, points=tuple(dict.fromkeys(points)), struck=tuple(dict.fromkeys(marks)))
        if new == self.placed:
            return
        self._before.append(self.placed)
        self._after.clear()
        self.placed = new
        self.changed.emit()

    def _step(self, of: list[PlacedSeeds], to: list[PlacedSeeds]) -> bool:
        if not of:
            return False
        to.append(self.placed)
        self.placed = replace(of.pop(), alone=self.placed.alone)
        self.changed.emit()
        return True

    def _inside(self, places: Iterable[Sequence[float]]) -> list[Voxel]:
        found = []
        for place in places:
            z, y, x = (round(float(p)) for p in place)
            if all(0 <= p < n for p, n in zip((z, y, x), self._shape, strict=True)):
                found.append((z, y, x))
        return found

    def _without(self, kind: Kind, gone: set[Row], voxels: tuple[Voxel, ...]) -> tuple[Voxel, ...]:
        return tuple(v for v in voxels if (kind, _place(v)) not in gone)


def _place(voxel: Sequence[float]) -> tuple[float, float, float]:
    z, y, x = (float(v) for v in voxel)
    return z, y, x
