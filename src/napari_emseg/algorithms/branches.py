"""The tree of an object: where it runs, branches and meets itself again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.evidence import tabulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_emseg.algorithms.matching import Link
    from napari_emseg.core.stack import Spacing


@dataclass(frozen=True, slots=True, eq=False)
class BranchGraph:
    """Pieces of objects in sections, and the links between them.

    Attributes
    ----------
    object_id : ndarray of int64 (n,)
        Which object a piece belongs to.
    centre_nm : ndarray of float64 (n, 3)
        (z, y, x): the middle of its section and the centroid of its pixels. The middle of the first voxel is 0, as
        in files of skeletons.
    radius_nm : ndarray of float64 (n,)
        Of a disc of its area.
    edges : ndarray of int64 (m, 2)
        Pieces that are linked.
    confidence : ndarray of float64 (m,)
        Of every link.
    """

    object_id: NDArray[np.int64]
    centre_nm: NDArray[np.float64]
    radius_nm: NDArray[np.float64]
    edges: NDArray[np.int64]
    confidence: NDArray[np.float64]

    def only(self, objects: Iterable[int]) -> BranchGraph:
        """The part that belongs to some objects."""
        keep = np.isin(self.object_id, list(objects))
        number = np.cumsum(keep) - 1
        inside = keep[self.edges].all(axis=1)
        return BranchGraph(
            self.object_id[keep],
            self.centre_nm[keep],
            self.radius_nm[keep],
            number[self.edges[inside]],
            self.confidence[inside],
        )

    def trees(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Parent of every piece (-1 for a root), and the edges that close loops.

        Returns
        -------
        parent : ndarray of int64 (n,)
            A spanning forest of the most confident links. Roots are the first pieces.
        loops : ndarray of int64 (k, 2)
            Edges that are not part of it: branches that meet again.
        """
        n = self.object_id.size
        group = list(range(n))

        def find(k: int) -> int:
            while group[k] != k:
                group[k] = group[group[k]]
                k = group[k]
            return k

        beside: list[list[int]] = [[] for _ in range(n)]
        loops = []
        for k in np.argsort(-self.confidence, kind="stable").tolist():
            a, b = (int(i) for i in self.edges[k])
            root_a, root_b = find(a), find(b)
            if root_a == root_b:
                loops.append((a, b))
                continue
            group[max(root_a, root_b)] = min(root_a, root_b)
            beside[a].append(b)
            beside[b].append(a)
        parent = np.full(n, -1, np.int64)
        seen = np.zeros(n, bool)
        for start in range(n):
            if seen[start]:
                continue
            seen[start] = True
            waiting = [start]
            while waiting:
                here = waiting.pop()
                for other in beside[here]:
                    if not seen[other]:
                        seen[other], parent[other] = True, here
                        waiting.append(other)
        return parent, np.array(loops, np.int64).reshape(-1, 2)


def branch_graph(
    sections: Iterable[NDArray[Any]],
    names: Sequence[Mapping[int, int]],
    links: Iterable[Link],
    spacing_nm: Spacing,
) -> BranchGraph:
    """Make the graph of a propagated stack.

    Parameters
    ----------
    sections : iterable of ndarray (y, x) of int
        Labels section by section, with the ids that ``names`` and ``links`` speak of.
    names, links
        Of `napari_emseg.algorithms.section_graph.Tracks`.
    spacing_nm : tuple of float
        Voxel size (z, y, x).
    """
    node: dict[tuple[int, int], int] = {}
    ids: list[int] = []
    centres: list[tuple[float, float, float]] = []
    areas: list[float] = []
    for z, (section, here) in enumerate(zip(sections, names, strict=True)):
        if not here:
            continue
        objects = tabulate(section)
        for old, area, (y, x) in zip(
            objects.ids.tolist(), objects.area.tolist(), objects.centre.tolist(), strict=True
        ):
            node[z, old] = len(ids)
            ids.append(here[old])
            centres.append((z, y, x))
            areas.append(area)
    edges = [
        (node[link.section_a, link.a], node[link.section_b, link.b], link.confidence)
        for link in links
        if link.a and link.b and link.kind != "conflict"
    ]
    ends = np.array([edge[:2] for edge in edges], np.int64).reshape(-1, 2)
    place = np.array(centres, float).reshape(-1, 3)
    pixel = spacing_nm[1] * spacing_nm[2]
    return BranchGraph(
        np.array(ids, np.int64),
        place * spacing_nm,
        np.sqrt(np.array(areas, float) * pixel / np.pi),
        ends,
        np.array([edge[2] for edge in edges], float),
    )
