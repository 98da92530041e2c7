"""One id space from blocks that were segmented apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contingency import Contingency, contingency

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_MIN_OVERLAP = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """Objects of two blocks that share voxels where the blocks overlap.

    Attributes
    ----------
    a, b : ndarray of int64 (n,)
        Ids in the first and in the second block.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]


def overlap_votes(one: NDArray[Any], two: NDArray[Any], min_overlap: float = _MIN_OVERLAP) -> Votes:
    """Which objects of two labellings of the same voxels are the same.

    Parameters
    ----------
    one, two : ndarray of int, same shape
        What two blocks say about the voxels that both have; 0 is none.
    min_overlap : float
        A pair counts if it is the best of either of its objects and shares at least this part of the smaller one,
        measured inside these voxels. Both ways: a merger and a split across the seam are both found.

    Returns
    -------
    Votes
    """
    return votes_of_table(contingency(one, two), min_overlap)


def votes_of_table(table: Contingency, min_overlap: float = _MIN_OVERLAP) -> Votes:
    """The same from what both say about the voxels that they share, 0 included."""
    sizes = table.sizes_a(), table.sizes_b()
    table = table.where((table.a > 0) & (table.b > 0))
    size_a, size_b = (
        size[np.searchsorted(ids, end)] for (ids, size), end in zip(sizes, (table.a, table.b), strict=True)
    )
    smaller = np.minimum(size_a, size_b)
    best = _is_best(table.a, table.count) | _is_best(table.b, table.count)
    keep = best & (table.count >= min_overlap * smaller)
    return Votes(table.a[keep], table.b[keep])


def union(votes: Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]], n: int) -> NDArray[np.int64]:
    """Final id of every object.

    Parameters
    ----------
    votes : iterable of (ndarray, ndarray)
        Pairs of ids that are one, in an id space that all blocks share. Order means nothing.
    n : int
        Largest id.

    Returns
    -------
    ndarray of int64 (n + 1,)
        The smallest id of everything that is one with it; 0 for 0.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = list(votes)
    none = np.zeros(0, np.int64)
    a = np.concatenate([*(a for a, _ in pairs), none])
    b = np.concatenate([*(b for _, b in pairs), none])
    graph = coo_array((np.ones(a.size, np.int8), (a, b)), shape=(n + 1, n + 1))
    group = connected_components(graph, directed=False)[1]
    smallest = np.full(int(group.max(initial=0)) + 1, n + 1, np.int64)
    np.minimum.at(smallest, group, np.arange(n + 1))
    return np.asarray(smallest[group])


def _is_best(end: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a pair is the largest of its object; of equals all are."""
    ids, dense = np.unique(end, return_inverse=True)
    best = np.zeros(ids.size, np.int64)
    np.maximum.at(best, dense, count)
    return np.asarray(count == best[dense])
