"""Dividing a graph of touching segments into objects, by other rules than the mean border."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.algorithms.contacts import Contacts, contacts
from napari_emseg.algorithms.joining import contract

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rule = Literal["gasp", "multicut", "mutex"]

_MOST_ROUNDS = 20  # over all nodes, see `improve`
_LIMIT = 1e-3  # no border is more certain than this


def partition(
    labels: NDArray[np.uint32], boundary: NDArray[Any], threshold: float, rule: Rule
) -> NDArray[np.uint32]:
    """Join touching segments by evidence for and against every border.

    Parameters
    ----------
    labels : ndarray of uint32 (y, x) or (z, y, x)
        Segment ids; 0 belongs to nobody.
    boundary : ndarray, same shape
        Membrane probability: floats in [0, 1] or uint8 in 0..255.
    threshold : float
        Mean probability at which a border speaks neither for nor against.
    rule : {"gasp", "multicut", "mutex"}
        "gasp": the mean evidence between two groups decides, weighted by the length of borders; "multicut": the
        sum decides, then single segments move while that lowers the cost; "mutex": strongest evidence first, and
        once two groups are known to differ they never join.

    Returns
    -------
    ndarray of uint32
        Every group carries its smallest id.

    Notes
    -----
    GASP: Bailoni et al. 2019, arXiv:1906.11713. Multicut: greedy additive edge contraction and moves as by Kernighan and
    Lin, Keuper et al. 2015, doi:10.1109/ICCV.2015.204. Mutex watershed: Wolf et al. 2018,
    doi:10.1007/978-3-030-01225-0_34, here on segments.
    """
    pairs = contacts(labels, boundary)
    scale = 255.0 if boundary.dtype == np.uint8 else 1.0
    pairs = Contacts(pairs.a, pairs.b, pairs.faces, pairs.boundary / scale)
    group = divide(pairs, int(labels.max(initial=0)) + 1, threshold, rule)
    return np.asarray(group[labels], np.uint32)


def divide(pairs: Contacts, n: int, threshold: float, rule: Rule) -> NDArray[np.int64]:
    """The same from borders that are known already.

    Parameters
    ----------
    pairs : Contacts
        With means in [0, 1].
    n : int
        Largest id and one.
    threshold, rule
        As in `partition`.

    Returns
    -------
    ndarray of int64 (n,)
        Group of every id.
    """
    if pairs.a.size == 0:
        return np.arange(n)
    chance = np.clip(pairs.boundary, _LIMIT, 1 - _LIMIT)
    zero = np.clip(threshold, _LIMIT, 1 - _LIMIT)
    evidence = np.log((1 - chance) / chance) + np.log(zero / (1 - zero))
    weight = pairs.faces.astype(float)
    if rule == "mutex":
        return mutex(pairs.a, pairs.b, evidence * np.sqrt(weight), n)
    if rule == "gasp":
        return contract(pairs.a, pairs.b, evidence, weight, n)
    # A sum is a mean whose weight does not grow: unit weights on evidence that is multiplied already.
    group = contract(pairs.a, pairs.b, evidence * weight, np.ones(weight.size), n)
    return improve(pairs.a, pairs.b, evidence * weight, group)


def mutex(
    u: NDArray[np.int64], v: NDArray[np.int64], evidence: NDArray[np.float64], n: int
) -> NDArray[np.int64]:
    """Mutex watershed of a signed graph.

    Parameters
    ----------
    u, v : ndarray of int64 (m,)
        Ends of the edges.
    evidence : ndarray of float64 (m,)
        Positive joins, negative keeps apart; the size is how strongly.
    n : int
        Number of nodes.

    Returns
    -------
    ndarray of int64 (n,)
        Every node's group, named by its smallest node.
    """
    parent = list(range(n))
    apart: list[set[int]] = [set() for _ in range(n)]

    def find(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    for k in np.argsort(-np.abs(evidence), kind="stable").tolist():
        a, b = sorted((find(int(u[k])), find(int(v[k]))))
        if a == b or b in apart[a]:
            continue
        if evidence[k] <= 0:
            apart[a].add(b)
            apart[b].add(a)
            continue
        parent[b] = a
        for other in apart[b]:
            apart[other].discard(b)
            apart[other].add(a)
        apart[a] |= apart[b]
    return np.array([find(k) for k in range(n)], np.int64)


def improve(
    u: NDArray[np.int64],
    v: NDArray[np.int64],
    evidence: NDArray[np.float64],
    group: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Move single nodes to the neighbouring group that they fit best, or out, while the cost sinks.

    Parameters
    ----------
    u, v, evidence
        As in `mutex`.
    group : ndarray of int64 (n,)
        Where to start from.

    Returns
    -------
    ndarray of int64 (n,)
        The evidence inside groups is nowhere less than before in total.
    """
    beside: list[list[tuple[int, float]]] = [[] for _ in range(group.size)]
    for a, b, e in zip(u.tolist(), v.tolist(), evidence.tolist(), strict=True):
        beside[a].append((b, e))
        beside[b].append((a, e))
    where = group.tolist()
    fresh = group.size
    for _ in range(_MOST_ROUNDS):
        moved = False
        for k, edges in enumerate(beside):
            pull: dict[int, float] = {}
            for other, e in edges:
                pull[where[other]] = pull.get(where[other], 0.0) + e
            stay = pull.get(where[k], 0.0)
            best = max(pull, key=lambda g: pull[g], default=where[k])
            if pull.get(best, 0.0) > max(stay, 0.0) and best != where[k]:
                where[k], moved = best, True
            elif stay < 0:
                where[k], fresh, moved = fresh, fresh + 1, True
        if not moved:
            break
    _, dense = np.unique(where, return_inverse=True)
    smallest = np.full(int(dense.max(initial=0)) + 1, group.size, np.int64)
    np.minimum.at(smallest, dense, np.arange(group.size))
    return np.asarray(smallest[dense])
