"""Which objects of a section lie side by side, and whether two objects of two sections have the same neighbours.

A thin process may move by more than its diameter between two thick sections, and a sheet of glia is thinner than borders move.
What lies around them moves along, so that their neighbours tell who they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.runs import Runs, counted, run_starts

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

REACH_NM = 60.0
"""Two objects with no more than this between them touch: two membranes and the gap."""

_STRIDE = 2  # every second row and column is looked at
_SLANT = np.pi / 4  # rows and columns together count a border of any direction 4 / pi times too long


@dataclass(frozen=True, slots=True, eq=False)
class Touching:
    """Pairs of objects of one section that lie side by side, each once.

    Attributes
    ----------
    a, b : ndarray of int64 (n,)
        Objects, from 0, ``a < b``.
    length : ndarray of float64 (n,)
        Common border in pixels.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    length: NDArray[np.float64]

    def perimeter(self, n: int) -> NDArray[np.float64]:
        """Border of each of ``n`` objects that lies along another one, in pixels."""
        return np.bincount(np.r_[self.a, self.b], np.r_[self.length, self.length], n).astype(np.float64)

    def matrix(self, n: int) -> csr_array:
        """Symmetric (n, n), border between every two objects."""
        from scipy.sparse import csr_array

        rows, columns = np.r_[self.a, self.b], np.r_[self.b, self.a]
        return csr_array((np.r_[self.length, self.length], (rows, columns)), shape=(n, n))


def touching(dense: NDArray[np.uint32], reach_px: int) -> Touching:
    """Find the objects of a section that have at most a membrane between them.

    Parameters
    ----------
    dense : ndarray of uint32 (y, x)
        Objects from 1; 0 is none.
    reach_px : int
        Largest gap.
    """
    n = int(dense.max(initial=0))
    sides = [_side_by_side(lines, reach_px) for lines in (dense[::_STRIDE], dense[:, ::_STRIDE].T)]
    one, two = np.concatenate(sides, axis=1)
    key, _, count = counted(np.minimum(one, two) * n + np.maximum(one, two), n * n)
    return Touching(key // max(n, 1), key % max(n, 1), (count * (_STRIDE * _SLANT)).astype(np.float64))


def _side_by_side(lines: NDArray[np.uint32], reach_px: int) -> NDArray[np.int64]:
    """Objects from 0 that follow one another along the rows of ``lines``, (2, n)."""
    runs = Runs.at(run_starts(lines))
    line, column = np.divmod(runs.start, max(lines.shape[1], 1))
    label = lines[line, column].astype(np.int64) - 1
    objects = np.flatnonzero(label >= 0)
    line, column, label = line[objects], column[objects], label[objects]
    gap = column[1:] - column[:-1] - runs.length[objects[:-1]]
    near = np.flatnonzero((gap <= reach_px) & (label[1:] != label[:-1]) & (line[1:] == line[:-1]))
    return np.stack([label[near], label[near + 1]])


def common_surroundings(
    first: csr_array,
    second: csr_array,
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    chance: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Compare the neighbours of pairs of objects of two sections.

    Parameters
    ----------
    first, second : csr_array
        Borders between the objects of each section, see `Touching.matrix`.
    a, b : ndarray of int64 (n,)
        Pairs of objects.
    chance : ndarray of float64 (n,)
        How likely each pair is one object, from overlap alone.

    Returns
    -------
    likeness : ndarray of float64 (n,)
        Cosine of the borders of ``b`` and of what those of ``a`` probably become, and the other way round.
    common : ndarray of float64 (n,)
        Border in pixels that both have with the same neighbours, likewise the mean of both ways.
    beside_a, beside_b : ndarray of float64 (n,)
        Border in pixels of ``a`` with what probably becomes ``b``, and of ``b`` with what ``a`` probably becomes:
        neighbours, not the same.
    """
    from scipy.sparse import csr_array

    if a.size == 0:
        none = np.zeros(0)
        return none, none, none, none
    goes_on = csr_array((chance, (a, b)), shape=(first.shape[0], second.shape[0]))
    ahead, back = (first @ goes_on).tocsr(), (second @ goes_on.T).tocsr()
    likeness, common = _compared(ahead[a], second[b])
    likeness_back, common_back = _compared(back[b], first[a])
    beside_a = np.asarray(ahead[a, b], np.float64).ravel()
    beside_b = np.asarray(back[b, a], np.float64).ravel()
    return (likeness + likeness_back) / 2, (common + common_back) / 2, beside_a, beside_b


def _compared(expected: csr_array, found: csr_array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosine and common part of every two rows."""
    product = np.asarray(expected.multiply(found).sum(1)).ravel()
    size = _norms(expected) * _norms(found)
    common = np.asarray(expected.minimum(found).sum(1), np.float64).ravel()
    return product / np.where(size > 0, size, 1), common


def _norms(matrix: csr_array) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(matrix.multiply(matrix).sum(1))).ravel()
