"""Joining objects by evidence for and against: greedy contraction of a signed graph.

The two ends of the edge with the most evidence for it are joined, parallel edges are averaged, and so on until no
edge speaks for joining. Neighbours that run side by side through many sections collect evidence against each
other, which one doubtful overlap between them cannot outvote.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Edges this strong that are the best of both their ends are taken at once, without the queue.
_CERTAIN_LOG_ODDS = 4.0
_FEW = 200  # edges that speak for joining: with fewer, the queue is faster than arrays
_LEAST_GAIN = 0.1  # ... also where less than this part of them would go at once


def contract(
    u: NDArray[np.int64],
    v: NDArray[np.int64],
    evidence: NDArray[np.float64],
    weight: NDArray[np.float64],
    n: int,
    anchor: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Divide the nodes of a graph into groups.

    Parameters
    ----------
    u, v : ndarray of int64 (m,)
        Ends of the edges.
    evidence : ndarray of float64 (m,)
        Log-odds that the ends are one; negative speaks against.
    weight : ndarray of float64 (m,)
        Positive; parallel edges are averaged with these weights.
    n : int
        Number of nodes.
    anchor : ndarray of int64 (n,), optional
        Nodes with different non-zero values never join; nodes with the same value are one from the start.

    Returns
    -------
    ndarray of int64 (n,)
        Every node's group, named by its smallest node.

    Notes
    -----
    Greedy additive edge contraction (Keuper et al. 2015, doi:10.1109/ICCV.2015.204) with the average linkage
    of GASP (Bailoni et al. 2019, arXiv:1906.11713).
    """
    group = np.unique(_start(u, v, evidence, n, anchor), return_inverse=True)[1].astype(np.int64)
    anchors = np.zeros(int(group.max(initial=-1)) + 1, np.int64)
    if anchor is not None:
        np.maximum.at(anchors, group, anchor)
    u, v, total, weight = _merged_edges(group[u], group[v], evidence * weight, weight, anchors.size)
    while (at := _best_of_both(u, v, total, weight, anchors)).size:
        keep, gone = u[at], v[at]
        stays = np.ones(anchors.size, bool)
        stays[gone] = False
        anchors[keep] = np.maximum(anchors[keep], anchors[gone])
        name = np.cumsum(stays) - 1
        name[gone] = name[keep]
        anchors, group = anchors[stays], name[group]
        u, v, total, weight = _merged_edges(name[u], name[v], total, weight, anchors.size)
    parent = _contract(u.tolist(), v.tolist(), total.tolist(), weight.tolist(), anchors.tolist())
    group = np.array(parent, np.int64)[group]
    smallest = np.full(anchors.size, n, np.int64)
    np.minimum.at(smallest, group, np.arange(n))
    return smallest[group]


def _best_of_both(
    u: NDArray[np.int64],
    v: NDArray[np.int64],
    total: NDArray[np.float64],
    weight: NDArray[np.float64],
    anchor: NDArray[np.int64],
) -> NDArray[np.intp]:
    """Edges that speak for joining more than any other of both their ends, no two with a common end; none where few are.

    Averages are never above the best that went into them, so the queue would join along all of these, whatever it
    took first.
    """
    is_open = (total > 0) & ~((anchor[u] > 0) & (anchor[v] > 0) & (anchor[u] != anchor[v]))
    at = np.flatnonzero(is_open)
    if at.size < _FEW:
        return at[:0]
    a, b, value = u[at], v[at], (total / weight)[at]
    best = np.full(anchor.size, -np.inf)
    np.maximum.at(best, a, value)
    np.maximum.at(best, b, value)
    is_best = (value == best[a]) & (value == best[b])
    a, b, at = a[is_best], b[is_best], at[is_best]
    # Equal edges at one end have to queue.
    ends = np.bincount(np.r_[a, b], minlength=anchor.size)
    alone = (ends[a] == 1) & (ends[b] == 1)
    enough = alone.sum() >= _LEAST_GAIN * is_open.sum()
    return np.asarray(at[alone] if enough else at[:0])


def _start(
    u: NDArray[np.int64],
    v: NDArray[np.int64],
    evidence: NDArray[np.float64],
    n: int,
    anchor: NDArray[np.int64] | None,
) -> NDArray[np.int64]:
    """Groups that are beyond doubt."""
    best = np.full(n, -np.inf)
    np.maximum.at(best, u, evidence)
    np.maximum.at(best, v, evidence)
    sure = (evidence >= _CERTAIN_LOG_ODDS) & (evidence >= best[u]) & (evidence >= best[v])
    root = _components(u[sure], v[sure], n)
    if anchor is None or not anchor.any():
        return root
    # Where certain edges alone would join two anchors, every edge has to queue.
    low, high = np.full(n, np.iinfo(np.int64).max), np.zeros(n, np.int64)
    fixed = np.flatnonzero(anchor)
    np.minimum.at(low, root[fixed], anchor[fixed])
    np.maximum.at(high, root[fixed], anchor[fixed])
    clash = (high > 0) & (low < high)
    sure &= ~clash[root[u]]
    order = fixed[np.argsort(anchor[fixed], kind="stable")]
    same = anchor[order[1:]] == anchor[order[:-1]]
    return _components(np.r_[u[sure], order[:-1][same]], np.r_[v[sure], order[1:][same]], n)


def _components(u: NDArray[np.int64], v: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(u.size, np.int8), (u, v)), shape=(n, n))
    found: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return found


def _merged_edges(
    u: NDArray[np.int64],
    v: NDArray[np.int64],
    total: NDArray[np.float64],
    weight: NDArray[np.float64],
    n: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Parallel edges added up, loops left out."""
    low, high = np.minimum(u, v), np.maximum(u, v)
    keep = low != high
    keys, inverse = np.unique((low * n + high)[keep], return_inverse=True)
    totals, weights = (np.bincount(inverse, x[keep], keys.size).astype(np.float64) for x in (total, weight))
    return keys // max(n, 1), keys % max(n, 1), totals, weights


def _contract(
    u: list[int], v: list[int], total: list[float], weight: list[float], anchor: list[int]
) -> list[int]:
    """Root of every node. Plain Python: certain edges are gone by now, and few are left."""
    n = len(anchor)
    edges: list[dict[int, tuple[float, float]]] = [{} for _ in range(n)]
    for a, b, t, w in zip(u, v, total, weight, strict=True):
        edges[a][b] = edges[b][a] = (t, w)
    queue = [(-t / w, a, b) for a, b, t, w in zip(u, v, total, weight, strict=True) if t > 0]
    heapq.heapify(queue)
    parent = list(range(n))
    while queue:
        priority, a, b = heapq.heappop(queue)
        edge = edges[a].get(b)
        if edge is None or -edge[0] / edge[1] != priority:
            continue
        if anchor[a] and anchor[b] and anchor[a] != anchor[b]:
            continue
        keep, gone = (a, b) if len(edges[a]) >= len(edges[b]) else (b, a)
        parent[gone] = keep
        anchor[keep] = anchor[keep] or anchor[gone]
        for other, (t, w) in edges[gone].items():
            del edges[other][gone]
            if other == keep:
                continue
            old_t, old_w = edges[keep].get(other, (0.0, 0.0))
            new = (old_t + t, old_w + w)
            edges[keep][other] = edges[other][keep] = new
            if new[0] > 0:
                heapq.heappush(queue, (-new[0] / new[1], min(keep, other), max(keep, other)))
        edges[gone] = {}
    return [_root(parent, k) for k in range(n)]


def _root(parent: list[int], k: int) -> int:
    while parent[k] != k:
        parent[k] = parent[parent[k]]
        k = parent[k]
    return k
