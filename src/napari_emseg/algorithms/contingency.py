"""How two label images overlap: the table behind scores, matching and agglomeration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A dense histogram of label pairs beats sorting them up to about this many cells (32 MB of counts).
_DENSE_CELLS = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class Contingency:
    """Sparse table of the pixels that pairs of labels share.

    Attributes
    ----------
    a, b : ndarray of int64 (n,)
        Labels of each pair, sorted by ``a`` then ``b``; every pair appears once.
    count : ndarray of int64 (n,)
        Pixels of each pair, at least one.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    count: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.count.size)

    @property
    def total(self) -> int:
        """Number of pixels in the table."""
        return int(self.count.sum())

    def where(self, keep: NDArray[np.bool_]) -> Contingency:
        """Keep the pairs for which ``keep`` (n,) holds."""
        return Contingency(self.a[keep], self.b[keep], self.count[keep])

    def sizes_a(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Labels of the first image, sorted, and their pixels in this table."""
        return _sizes(self.a, self.count)

    def sizes_b(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Labels of the second image, sorted, and their pixels in this table."""
        return _sizes(self.b, self.count)


def contingency(a: NDArray[Any], b: NDArray[Any]) -> Contingency:
    """Count the pixels of every pair of labels that occurs.

    Parameters
    ----------
    a, b : ndarray of unsigned or non-negative integers, same shape
        Two labellings of the same pixels. Zero is a label like any other here.

    Returns
    -------
    Contingency
        Pairs sorted by ``a`` then ``b``. Memory follows the number of pairs, not the number of ids squared.
    """
    a, b = np.asarray(a).ravel(), np.asarray(b).ravel()
    if a.size != b.size:
        raise ValueError(f"labellings of {a.size} and {b.size} pixels")
    if a.size == 0:
        empty = np.zeros(0, np.int64)
        return Contingency(empty, empty, empty)
    top_a, top_b = int(a.max()) + 1, int(b.max()) + 1
    if top_a * top_b <= _DENSE_CELLS:
        counts = np.bincount(a.astype(np.int64) * top_b + b.astype(np.int64))
        keys = np.flatnonzero(counts)
        return Contingency(keys // top_b, keys % top_b, counts[keys].astype(np.int64))
    if top_a < (1 << 62) // top_b:
        keys, count = np.unique(a.astype(np.int64) * top_b + b.astype(np.int64), return_counts=True)
        return Contingency(keys // top_b, keys % top_b, count.astype(np.int64))
    ids_a, dense_a = np.unique(a, return_inverse=True)
    ids_b, dense_b = np.unique(b, return_inverse=True)
    table = contingency(dense_a, dense_b)
    return Contingency(ids_a[table.a].astype(np.int64), ids_b[table.b].astype(np.int64), table.count)


def _sizes(
    labels: NDArray[np.int64], count: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ids, inverse = np.unique(labels, return_inverse=True)
    return ids, np.bincount(inverse, weights=count, minlength=ids.size).astype(np.int64)
