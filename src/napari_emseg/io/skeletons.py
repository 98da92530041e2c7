"""Skeletons: nodes in nanometres joined by edges, as every tracing program keeps them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

NO_PARENT = -1
MOST_ID = 2**63 - 1


@dataclass(frozen=True, eq=False)
class Skeleton:
    """One tree ("thing" in Knossos, "skeleton" in CATMAID).

    Parameters
    ----------
    id : int
        Number of the tree.
    name : str
        What people call it.
    node_ids : ndarray of int64 (n,)
        Unique in the tree.
    points_nm : ndarray of float64 (n, 3)
        Positions (z, y, x) in nanometres.
    radius_nm : ndarray of float64 (n,)
        nan where unknown.
    edges : ndarray of int64 (m, 2)
        Pairs of node ids, as in the file: (parent, child) where the format has parents.
    kinds : ndarray of int64 (n,)
        Structure of each node as SWC numbers it (1 soma, 2 axon, 3 dendrite ...); 0 is undefined.
    comments : mapping of int to tuple of str
        What people wrote at a node.
    branch_points : frozenset of int
        Nodes that a person marked as branch points, which need not have three neighbours.
    colour : tuple of float or None
        Red, green, blue, opacity in [0, 1].
    extras : mapping of int to mapping
        Attributes of nodes that nothing here understands, kept for writing.
    attributes : mapping
        The same for the tree.
    """

    id: int
    name: str
    node_ids: NDArray[np.int64]
    points_nm: NDArray[np.float64]
    radius_nm: NDArray[np.float64]
    edges: NDArray[np.int64]
    kinds: NDArray[np.int64]
    comments: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    branch_points: frozenset[int] = frozenset()
    colour: tuple[float, float, float, float] | None = None
    extras: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.node_ids.size)


@dataclass(frozen=True, slots=True)
class Connector:
    """A synapse as CATMAID keeps it: a point that a node is pre- or postsynaptic to."""

    node_id: int
    connector_id: int
    relation: str
    point_nm: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class SkeletonSet:
    """All trees of a file.

    Parameters
    ----------
    trees : tuple of Skeleton
    spacing_nm : tuple of float or None
        Voxel size (z, y, x) where the file carries one.
    connectors : tuple of Connector
        Synapses of the trees.
    header : str
        Parts of the file that nothing here understands (XML or text), kept for writing.
    notes : tuple of str
        What a person should know about how the file was read.
    """

    trees: tuple[Skeleton, ...]
    spacing_nm: Spacing | None = None
    connectors: tuple[Connector, ...] = ()
    header: str = ""
    notes: tuple[str, ...] = ()

    @property
    def n_nodes(self) -> int:
        """Nodes of all trees together."""
        return sum(len(tree) for tree in self.trees)


def checked_tree(tree: Skeleton, where: str) -> Skeleton:
    """The tree itself, if it holds together.

    Raises
    ------
    EmsegError
        If a node is there twice, an edge ends nowhere, or a coordinate is no number.
    """
    ids = tree.node_ids
    unique, count = np.unique(ids, return_counts=True)
    if unique.size != ids.size:
        raise EmsegError(
            f"node {unique[count > 1][0]} is there twice", f"{where}, tree {tree.id}", "export it again"
        )
    lost = ~np.isin(tree.edges, ids)
    if lost.any():
        raise EmsegError(
            f"an edge or a parent names node {tree.edges[lost][0]}, which does not exist",
            f"{where}, tree {tree.id}",
            "export the whole tree again",
        )
    if not np.isfinite(tree.points_nm).all():
        bad = ids[~np.isfinite(tree.points_nm).all(axis=1)][0]
        raise EmsegError(f"the position of node {bad} is no number", f"{where}, tree {tree.id}", "correct it")
    if (tree.radius_nm < 0).any() or np.isinf(tree.radius_nm).any():
        raise EmsegError("a radius is negative or infinite", f"{where}, tree {tree.id}", "correct it")
    if not -MOST_ID <= tree.id <= MOST_ID:
        raise EmsegError("the number of a tree is beyond 63 bits", where, "renumber the trees")
    return tree


def parents(tree: Skeleton) -> NDArray[np.int64]:
    """Parent of each node, -1 for roots.

    Edges count in both directions: a component is rooted at the first of its nodes, in the order of
    `node_ids`, that no edge leads to; where there is none, at its first node. So files with (parent, child)
    edges give their own parents back.

    Returns
    -------
    ndarray of int64 (n,)
        Node ids.

    Raises
    ------
    EmsegError
        If the edges form a loop: then no node is the parent.
    """
    index = {int(n): i for i, n in enumerate(tree.node_ids)}
    near: list[list[int]] = [[] for _ in index]
    led_to = np.zeros(len(index), bool)
    links = {tuple(sorted((index[int(a)], index[int(b)]))) for a, b in tree.edges}
    for a, b in links:
        near[a].append(b)
        near[b].append(a)
    led_to[[index[int(b)] for b in tree.edges[:, 1]]] = True
    parent = np.full(len(index), NO_PARENT, np.int64)
    seen = np.zeros(len(index), bool)
    n_links = 0
    for start in [*np.flatnonzero(~led_to), *np.flatnonzero(led_to)]:
        if seen[start]:
            continue
        seen[start] = True
        queue = deque([int(start)])
        while queue:
            at = queue.popleft()
            for other in near[at]:
                if not seen[other]:
                    seen[other] = True
                    parent[other] = tree.node_ids[at]
                    n_links += 1
                    queue.append(other)
    if n_links != len(links):
        raise EmsegError(
            "its edges form a loop",
            f"tree {tree.id} {tree.name}".strip(),
            "write .nml, which can hold loops, or remove one of the edges",
        )
    return parent


def edges_from_parents(node_ids: NDArray[np.int64], parent: NDArray[np.int64]) -> NDArray[np.int64]:
    """Edges (parent, child) of the nodes that have one."""
    has = parent != NO_PARENT
    return np.stack([parent[has], node_ids[has]], axis=1).astype(np.int64).reshape(-1, 2)


def runs(tree: Skeleton) -> list[NDArray[np.intp]]:
    """Unbranched pieces of a tree: each edge is in exactly one of them.

    Returns
    -------
    list of ndarray of int
        Indices of nodes, in order; a loop begins and ends at the same node.
    """
    index = {int(n): i for i, n in enumerate(tree.node_ids)}
    near: list[list[int]] = [[] for _ in index]
    for a, b in {tuple(sorted((index[int(a)], index[int(b)]))) for a, b in tree.edges}:
        if a != b:
            near[a].append(b)
            near[b].append(a)
    done: set[tuple[int, int]] = set()
    found = []
    ends = [i for i, n in enumerate(near) if n and len(n) != 2]
    for start in [*ends, *(i for i, n in enumerate(near) if len(n) == 2)]:
        for step in near[start]:
            if (start, step) in done:
                continue
            path = [start]
            at, following = start, step
            while True:
                done |= {(at, following), (following, at)}
                path.append(following)
                if len(near[following]) != 2 or following == start:
                    break
                onward = [n for n in near[following] if (following, n) not in done]
                if not onward:
                    break
                at, following = following, onward[0]
            found.append(np.asarray(path))
    return found
