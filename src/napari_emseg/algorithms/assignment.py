"""One-to-one assignment where most pairs are out of the question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def assign(
    row: NDArray[np.integer],
    column: NDArray[np.integer],
    cost: NDArray[np.float64],
    n_rows: int,
    n_columns: int,
    alone: float,
) -> NDArray[np.intp]:
    """Choose pairs so that their costs and those of everything left alone are least in total.

    Parameters
    ----------
    row, column : ndarray of int (n,)
        Pairs that are possible, each once.
    cost : ndarray of float64 (n,)
        Their costs.
    n_rows, n_columns : int
    alone : float
        Cost of leaving one row or one column without a partner. A pair costs less than two of these, or it
        is not made.

    Returns
    -------
    ndarray of int
        Indices of the chosen pairs, sorted.

    Notes
    -----
    The Hungarian optimum (Kuhn 1955, doi:10.1002/nav.3800020109) is solved in every connected part of the
    graph of possible pairs by itself, so time grows with the number of objects and not with its cube.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    possible = np.flatnonzero(cost < 2 * alone)
    if possible.size == 0:
        return possible
    row, column, cost = row[possible], column[possible], cost[possible]
    n = n_rows + n_columns
    graph = coo_array((np.ones(row.size), (row, column + n_rows)), shape=(n, n))
    _, part = connected_components(graph, directed=False)
    order = np.argsort(part[row], kind="stable")
    starts = np.flatnonzero(np.diff(part[row][order], prepend=-1))
    sizes = np.diff(np.r_[starts, order.size])
    (r, height), (c, breadth) = (_within(part, end) for end in (row, column + n_rows))
    # A chosen pair saves what leaving both alone would cost; saving nothing is no pair.
    saves = 2 * alone - cost
    chosen = [order[starts[sizes == 1]]]  # pairs without rivals
    for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        members = order[start : start + size]
        here = part[row[members[0]]]
        saved = np.zeros((height[here], breadth[here]))
        pair = np.full(saved.shape, -1)
        at = r[members], c[members]
        saved[at], pair[at] = saves[members], members
        best = pair[linear_sum_assignment(saved, maximize=True)]
        chosen.append(best[best >= 0])
    return np.sort(possible[np.concatenate(chosen)])


def _within(part: NDArray[np.int32], end: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number of every end among those of its part, and how many each part has."""
    used = np.unique(end)
    of_part = part[used]
    many = np.bincount(of_part, minlength=int(part.max()) + 1)
    order = np.argsort(of_part, kind="stable")
    number = np.zeros(part.size, np.int64)
    number[used[order]] = np.arange(used.size) - (np.cumsum(many) - many)[of_part[order]]
    return number[end], many
