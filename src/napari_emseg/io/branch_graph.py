"""Branches of objects as SWC or GraphML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from xml.sax.saxutils import quoteattr

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.io.opened import Offset


class Branches(Protocol):
    """What is written of a graph; see `napari_emseg.algorithms.branches.BranchGraph`."""

    @property
    def object_id(self) -> NDArray[np.int64]:
        """Object of every piece."""
        ...

    @property
    def centre_nm(self) -> NDArray[np.float64]:
        """Middle (z, y, x); that of the first voxel is 0."""
        ...

    @property
    def radius_nm(self) -> NDArray[np.float64]:
        """Radius."""
        ...

    @property
    def edges(self) -> NDArray[np.int64]:
        """Linked pieces."""
        ...

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Of every edge."""
        ...

    def trees(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Parents and loops."""
        ...


_KEYS = (
    ("object", "node", "long"),
    ("z_nm", "node", "double"),
    ("y_nm", "node", "double"),
    ("x_nm", "node", "double"),
    ("radius_nm", "node", "double"),
    ("confidence", "edge", "double"),
)


def graph_text(graph: Branches, suffix: str, offset_nm: Offset | None = None) -> str:
    """The content of a file.

    Parameters
    ----------
    graph : BranchGraph
    suffix : {".swc", ".graphml"}
        SWC (Cannon et al. 1998) holds trees: edges that close loops are listed in its comments, coordinates are
        x y z in micrometres. GraphML holds everything, in nanometres.
    offset_nm : (z, y, x), optional
        Where the middle of the stack's first voxel lies.

    Raises
    ------
    EmsegError
        If the suffix is another one.
    """
    places = graph.centre_nm + np.asarray(offset_nm or (0.0, 0.0, 0.0))
    if suffix == ".swc":
        return _swc(graph, places)
    if suffix == ".graphml":
        return _graphml(graph, places)
    raise EmsegError("branches are written as .swc or .graphml", suffix, "give one of these endings")


def _swc(graph: Branches, places_nm: NDArray[np.float64]) -> str:
    parent, loops = graph.trees()
    order = _parents_first(graph.object_id.tolist(), parent.tolist())
    number = {piece: n for n, piece in enumerate(order, 1)}
    lines = ["# id type x y z radius parent", "# unit: um"]
    lines += [f"# loop {number[a]} {number[b]}" for a, b in loops.tolist()]
    ids: dict[int, list[int]] = {}
    for piece in order:
        ids.setdefault(int(graph.object_id[piece]), []).append(number[piece])
    lines += [
        f"# object {name}: {pieces[0]} to {pieces[-1]}, {len(pieces)} pieces" for name, pieces in ids.items()
    ]
    places, radii, parents = (
        (places_nm / 1000).tolist(),
        (graph.radius_nm / 1000).tolist(),
        parent.tolist(),
    )
    for piece in order:
        (z, y, x), up = places[piece], parents[piece]
        above = number[up] if up >= 0 else -1
        lines.append(f"{number[piece]} 0 {x:.4f} {y:.4f} {z:.4f} {radii[piece]:.4f} {above}")
    return "\n".join(lines) + "\n"


def _parents_first(names: list[int], parent: list[int]) -> list[int]:
    """Pieces object by object, each after its parent: readers of SWC may ask for that."""
    children: list[list[int]] = [[] for _ in parent]
    roots: dict[int, list[int]] = {}
    for piece, up in enumerate(parent):
        if up >= 0:
            children[up].append(piece)
        else:
            roots.setdefault(names[piece], []).append(piece)
    order: list[int] = []
    for starts in roots.values():
        waiting = starts[::-1]
        while waiting:
            piece = waiting.pop()
            order.append(piece)
            waiting += children[piece][::-1]
    return order


def _graphml(graph: Branches, places_nm: NDArray[np.float64]) -> str:
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
    ]
    lines += [
        f"  <key id={quoteattr(name)} for={quoteattr(where)} attr.name={quoteattr(name)} attr.type={quoteattr(kind)}/>"
        for name, where, kind in _KEYS
    ]
    lines.append('  <graph edgedefault="undirected">')
    rows = zip(graph.object_id.tolist(), places_nm.tolist(), graph.radius_nm.tolist(), strict=True)
    for n, (name, (z, y, x), radius) in enumerate(rows):
        values = (("object", name), ("z_nm", z), ("y_nm", y), ("x_nm", x), ("radius_nm", radius))
        data = "".join(f'<data key="{key}">{round(value, 3)}</data>' for key, value in values[1:])
        lines.append(f'    <node id="n{n}"><data key="object">{name}</data>{data}</node>')
    for k, ((a, b), sure) in enumerate(zip(graph.edges.tolist(), graph.confidence.tolist(), strict=True)):
        lines.append(
            f'    <edge id="e{k}" source="n{a}" target="n{b}"><data key="confidence">{sure:.4f}</data></edge>'
        )
    return "\n".join([*lines, "  </graph>", "</graphml>"]) + "\n"
