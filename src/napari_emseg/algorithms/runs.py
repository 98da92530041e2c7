"""Sections as runs of one label along their rows: there are far fewer runs than pixels to count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPARSE = 8  # a table of all pairs may have this many cells for each run
_LEAST_CELLS = 1 << 19


def run_starts(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a run of one label along a row begins, (y, x)."""
    starts = np.empty_like(labels, bool)  # in the memory order of the labels
    starts[:, :1] = True
    np.not_equal(labels[:, 1:], labels[:, :-1], out=starts[:, 1:])
    return starts


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Runs of a section in the order of its pixels.

    Attributes
    ----------
    start : ndarray of int64 (n,)
        First pixel of each, counted through all rows.
    length : ndarray of int64 (n,)
    """

    start: NDArray[np.int64]
    length: NDArray[np.int64]

    @classmethod
    def at(cls, starts: NDArray[np.bool_]) -> Runs:
        """Runs that begin where ``starts`` (y, x) holds; every row begins one."""
        start = np.flatnonzero(starts)
        return cls(start, np.diff(start, append=starts.size))

    def highest(self, values: NDArray[Any]) -> NDArray[Any]:
        """Highest value (y, x) within each run, (n,)."""
        return (
            np.asarray(np.maximum.reduceat(values.ravel(), self.start)) if self.start.size else values[:0, 0]
        )


def areas_and_centres(
    labels: NDArray[Any], runs: Runs, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixels and centres (y, x) of the labels 1 to ``n`` of a section, (n,) and (n, 2)."""
    label = labels.ravel()[runs.start]
    row, column = np.divmod(runs.start, max(labels.shape[1], 1))
    area = np.bincount(label, runs.length, n + 1)[1:]
    # Twice the sum of the columns of a run is a whole number, and so are all sums here: they are exact.
    across = np.bincount(label, runs.length * (2 * column + runs.length - 1), n + 1)[1:] / 2
    down = np.bincount(label, runs.length * row, n + 1)[1:]
    return area.astype(np.float64), np.stack([down, across], axis=1) / area[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """Pairs of objects of two sections that have common pixels.

    Attributes
    ----------
    a, b : ndarray of int64 (n,)
        Objects from 0, sorted by ``a`` then ``b``.
    count : ndarray of int64 (n,)
        Common pixels.
    runs : Runs
        In which both sections have one label.
    is_common : ndarray of bool (number of runs,)
        Runs in which both have an object.
    pair : ndarray of int64 (m,)
        To which pair each of those belongs.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    count: NDArray[np.int64]
    runs: Runs
    is_common: NDArray[np.bool_]
    pair: NDArray[np.int64]

    def highest(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Highest value (y, x), none of them negative, in the common pixels of every pair, (n,)."""
        result = np.zeros(self.a.size, np.float32)
        np.maximum.at(result, self.pair, self.runs.highest(values)[self.is_common])
        return result


def overlaps(
    one: NDArray[np.unsignedinteger],
    two: NDArray[np.unsignedinteger],
    starts_one: NDArray[np.bool_],
    starts_two: NDArray[np.bool_],
) -> Overlaps:
    """Find the common pixels of two sections.

    Parameters
    ----------
    one, two : ndarray of unsigned int (y, x)
        Object ``k`` is 1 + k; 0 is none.
    starts_one, starts_two : ndarray of bool (y, x)
        Of each, see `run_starts`.
    """
    runs = Runs.at(starts_one | starts_two)
    in_one, in_two = one.ravel()[runs.start], two.ravel()[runs.start]
    is_common = (in_one > 0) & (in_two > 0)
    a, b = (k[is_common].astype(np.int64) - 1 for k in (in_one, in_two))
    width = int(b.max(initial=0)) + 1
    key = a * width + b
    keys, pair, count = counted(key, (int(a.max(initial=0)) + 1) * width, runs.length[is_common])
    return Overlaps(keys // width, keys % width, count, runs, is_common, pair)


def counted(
    key: NDArray[np.int64], cells: int, weight: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Count what occurs.

    Parameters
    ----------
    key : ndarray of int64 (n,)
    cells : int
        More than the highest key.
    weight : ndarray of int64 (n,), optional
        What each counts; default 1.

    Returns
    -------
    keys, place, count : ndarray of int64
        The keys, sorted; the place of each ``key`` among them, (n,); and how often each occurs.
    """
    if cells <= max(_SPARSE * key.size, _LEAST_CELLS):
        table = np.bincount(key, weight)
        keys = np.flatnonzero(table)
        count = table[keys].astype(np.int64)
        table[keys] = np.arange(keys.size)
        return keys, table[key].astype(np.int64), count
    keys, place = np.unique(key, return_inverse=True)
    return keys, place, np.bincount(place, weight, keys.size).astype(np.int64)
