"""Skeletons as napari shows them: nodes as points, unbranched runs as paths; and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.skeletons import NO_PARENT, Skeleton, SkeletonSet, parents, runs
from napari_emseg.io.units import nanometres_per

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

LayerData = tuple[Any, dict[str, Any], str]

OURS = "napari-emseg"
_NODE_SIZE_PX = 8.0
_COLOURS = ["#ffb000", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#ffffff", "#9ad0f3"]


def skeleton_layers(skeletons: SkeletonSet, name: str) -> list[LayerData]:
    """Layers for a file of skeletons: paths below, nodes above.

    Parameters
    ----------
    skeletons : SkeletonSet
    name : str
        What the layers are called.

    Returns
    -------
    list of layer data
        A Shapes layer of paths, a Points layer whose features name tree, node, parent, radius, comment and branch
        points, and a Points layer of connectors where there are any. Data are in voxels and the scale is the
        voxel size where the file has one; otherwise data are in nanometres.
    """
    scale = _scale(skeletons)
    placed = {"scale": scale, "units": ("nm",) * 3, "axis_labels": ("z", "y", "x")}
    layers: list[LayerData] = []
    for data, about, kind in (
        _paths(skeletons, scale),
        _nodes(skeletons, scale),
        _connectors(skeletons, scale),
    ):
        if len(data) or about["name"] == "nodes":
            layers.append((data, {**about, "name": f"{name} {about['name']}", **placed}, kind))
    return layers


def _paths(skeletons: SkeletonSet, scale: Spacing) -> LayerData:
    found = [(run, tree, n) for n, tree in enumerate(skeletons.trees) for run in runs(tree)]
    about = {
        "name": "paths",
        "shape_type": "path",
        "edge_color": [_colour(tree, n) for _, tree, n in found],
        "edge_width": 2,
        "features": {"tree": np.asarray([tree.id for _, tree, _ in found])},
    }
    return [tree.points_nm[run] / scale for run, tree, _ in found], about, "shapes"


def _nodes(skeletons: SkeletonSet, scale: Spacing) -> LayerData:
    points = np.concatenate([t.points_nm for t in skeletons.trees] or [np.zeros((0, 3))]) / scale
    colours = [c for n, t in enumerate(skeletons.trees) for c in [_colour(t, n)] * len(t)]
    about = {
        "name": "nodes",
        "features": _features(skeletons),
        "face_color": colours or "white",
        "size": _NODE_SIZE_PX,
        "metadata": {OURS: {"skeletons": skeletons}},
    }
    return points, about, "points"


def _connectors(skeletons: SkeletonSet, scale: Spacing) -> LayerData:
    found = skeletons.connectors
    about = {
        "name": "connectors",
        "features": {
            "connector": np.asarray([c.connector_id for c in found]),
            "node": np.asarray([c.node_id for c in found]),
            "relation": np.asarray([c.relation for c in found]),
        },
        "symbol": "diamond",
        "size": _NODE_SIZE_PX,
    }
    return np.asarray([c.point_nm for c in found]).reshape(-1, 3) / scale, about, "points"


def _scale(skeletons: SkeletonSet) -> Spacing:
    """In which steps to count.

    Without a voxel size z counts in the distance of the nodes' sections, so that one press of a key still moves by
    one section.
    """
    if skeletons.spacing_nm:
        return skeletons.spacing_nm
    z = np.unique(np.concatenate([t.points_nm[:, 0] for t in skeletons.trees] or [np.zeros(1)]))
    steps = np.diff(z)
    return (max(1.0, float(steps.min())) if steps.size else 1.0, 1.0, 1.0)


def _colour(tree: Skeleton, n: int) -> Any:
    return tree.colour or _COLOURS[n % len(_COLOURS)]


def _features(skeletons: SkeletonSet) -> dict[str, NDArray[Any]]:
    trees = skeletons.trees
    return {
        "tree": np.asarray([t.id for t in trees for _ in range(len(t))], np.int64),
        "name": np.asarray([t.name for t in trees for _ in range(len(t))], object),
        "node": np.asarray([n for t in trees for n in t.node_ids.tolist()], np.int64),
        "parent": np.asarray([p for t in trees for p in _parents_or_none(t)], np.int64),
        "radius_nm": np.asarray([r for t in trees for r in t.radius_nm.tolist()], float),
        "kind": np.asarray([k for t in trees for k in t.kinds.tolist()], np.int64),
        "comment": np.asarray(
            ["; ".join(t.comments.get(n, ())) for t in trees for n in t.node_ids.tolist()], object
        ),
        "branch_point": np.asarray([n in t.branch_points for t in trees for n in t.node_ids.tolist()], bool),
    }


def _parents_or_none(tree: Skeleton) -> list[int]:
    try:
        return [int(p) for p in parents(tree)]
    except EmsegError:  # a loop has no parents; its edges travel in the layer's metadata
        return [NO_PARENT] * len(tree)


def skeletons_from_layer(data: Any, meta: Mapping[str, Any], kind: str) -> SkeletonSet:
    """Skeletons from a Points or Shapes layer, however it was made.

    Parameters
    ----------
    data : array-like (n, 3), or list of arrays (m, 3)
        Points, or the vertices of shapes; 2-dimensional ones lie in section 0.
    meta : mapping
        The layer's attributes: "scale", "translate", "units", "features", "metadata", "name".
    kind : {"points", "shapes"}

    Returns
    -------
    SkeletonSet
        Points that carry the features of `skeleton_layers` get their trees, edges and comments back; points that a
        person added are nodes of their own. Each path becomes a tree.

    Raises
    ------
    EmsegError
        If the layer is empty, or has no unit of length.
    """
    name = str(meta.get("name", "skeleton"))
    spacing, origin = _placement(meta, name)
    if kind == "shapes":
        return _from_paths(data, spacing, origin, name)
    points = layer_points(data, meta)
    features = {str(k): np.asarray(v) for k, v in dict(meta.get("features", {})).items()}
    ours = dict(meta.get("metadata", {})).get(OURS, {})
    before = ours.get("skeletons") if isinstance(ours, dict) else None
    if not isinstance(before, SkeletonSet):
        before = SkeletonSet(())
    tree_ids = _whole(features.get("tree"), len(points), 1)
    node_ids = _own_nodes(_whole(features.get("node"), len(points), NO_PARENT), tree_ids)
    old = {t.id: t for t in before.trees}
    trees = tuple(
        _rebuilt(t, np.flatnonzero(tree_ids == t), points, node_ids, features, old.get(t), name)
        for t in dict.fromkeys(tree_ids.tolist())
    )
    return replace(before, trees=trees, spacing_nm=before.spacing_nm or spacing)


def layer_points(data: Any, meta: Mapping[str, Any]) -> NDArray[np.float64]:
    """Points of a layer in the world, (z, y, x) in nanometres.

    Raises
    ------
    EmsegError
        If the layer is empty, or has no unit of length.
    """
    name = str(meta.get("name", "points"))
    spacing, origin = _placement(meta, name)
    points = _three(np.asarray(data, float), name) * spacing + origin
    if not len(points):
        raise EmsegError("the layer holds no points", name, "draw some, or choose another layer")
    return points


def _placement(meta: Mapping[str, Any], name: str) -> tuple[Spacing, NDArray[np.float64]]:
    units = [nanometres_per(str(u)) for u in meta.get("units") or ()]
    scale = [float(s) for s in meta.get("scale", ())]
    if len(scale) == 2 and len(units) == 2:
        scale, units = [1.0, *scale], [units[0], *units]
    if len(scale) != 3 or len(units) != 3 or None in units:
        raise EmsegError(
            "the layer has no unit of length",
            name,
            "set its scale and units to nanometres, as layers of this plugin have",
        )
    z, y, x = (s * (u or 1.0) for s, u in zip(scale, units, strict=True))
    moved = [0.0, 0.0, 0.0, *(float(t) for t in meta.get("translate") or ())][-3:]
    return (z, y, x), np.asarray([t * (u or 1.0) for t, u in zip(moved, units, strict=True)])


def _three(points: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    if not points.size:
        return np.zeros((0, 3))
    points = points.reshape(len(points), -1)
    if points.shape[1] == 2:
        return np.pad(points, ((0, 0), (1, 0)))
    if points.shape[1] != 3:
        raise EmsegError(f"its points have {points.shape[1]} coordinates", name, "give (z, y, x)")
    return points


def _whole(column: NDArray[Any] | None, n: int, default: int) -> NDArray[np.int64]:
    if column is None or len(column) != n or column.dtype.kind not in "iuf":
        return np.full(n, default, np.int64)
    return np.where(np.isfinite(column), column, default).astype(np.int64)


def _own_nodes(nodes: NDArray[np.int64], trees: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number of its own for every node: napari copies the features of one point to the next that is drawn."""
    out, seen = nodes.copy(), set()
    fresh = max(int(nodes.max(initial=0)), 0) + 1
    for i, key in enumerate(zip(trees.tolist(), nodes.tolist(), strict=True)):
        if key in seen or key[1] == NO_PARENT:
            out[i], fresh = fresh, fresh + 1
        seen.add(key)
    return out


def _rebuilt(
    tree_id: int,
    rows: NDArray[np.intp],
    points: NDArray[np.float64],
    node_ids: NDArray[np.int64],
    features: Mapping[str, NDArray[Any]],
    before: Skeleton | None,
    name: str,
) -> Skeleton:
    ids = node_ids[rows]
    n = len(points)

    def column(key: str) -> NDArray[Any] | None:
        values = features.get(key)
        return values[rows] if values is not None and len(values) == n else None

    inherited = np.ones(ids.size, bool) if before is None else np.isin(ids, before.node_ids)
    radius, names, marked = column("radius_nm"), column("name"), column("branch_point")
    said = column("comment")
    tree = Skeleton(
        id=tree_id,
        name=name,
        node_ids=ids,
        points_nm=points[rows],
        radius_nm=np.where(inherited, np.nan if radius is None else radius.astype(float), np.nan),
        edges=_edges(ids, _whole(column("parent"), len(rows), NO_PARENT)),
        kinds=_whole(column("kind"), len(rows), 0),
        comments={}
        if said is None
        else _comments(ids[inherited], said[inherited], before.comments if before else {}),
        branch_points=frozenset()
        if marked is None
        else frozenset(ids[marked.astype(bool) & inherited].tolist()),
    )
    if before is not None:
        there = set(ids.tolist())
        tree = replace(
            tree,
            name=before.name,
            edges=before.edges[np.isin(before.edges, ids).all(axis=1)].astype(np.int64).reshape(-1, 2),
            colour=before.colour,
            extras={node: extra for node, extra in before.extras.items() if node in there},
            attributes=before.attributes,
        )
    return tree if names is None else replace(tree, name=str(names[0]))


def _edges(ids: NDArray[np.int64], parent: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs (parent, node) within a tree."""
    kept = (parent != NO_PARENT) & np.isin(parent, ids) & (parent != ids)
    return np.stack([parent[kept], ids[kept]], axis=1).astype(np.int64)


def _comments(
    nodes: NDArray[np.int64], said: NDArray[Any], before: Mapping[int, tuple[str, ...]]
) -> dict[int, tuple[str, ...]]:
    """What is said of nodes; what was said in several parts stays so where nobody has changed it."""
    found: dict[int, tuple[str, ...]] = {}
    for node, text in zip(nodes.tolist(), map(str, said), strict=True):
        same = before.get(node, ())
        if text:
            found[node] = same if "; ".join(same) == text else (text,)
    return found


def _from_paths(data: Sequence[Any], spacing: Spacing, origin: NDArray[np.float64], name: str) -> SkeletonSet:
    trees, first = [], 1
    for n, vertices in enumerate(data, 1):
        points = _three(np.asarray(vertices, float), name) * spacing + origin
        ids = np.arange(first, first + len(points))
        first += len(points)
        trees.append(
            Skeleton(
                id=n,
                name=f"{name} {n}",
                node_ids=ids,
                points_nm=points,
                radius_nm=np.full(ids.size, np.nan),
                edges=np.stack([ids[:-1], ids[1:]], axis=1),
                kinds=np.zeros(ids.size, np.int64),
            )
        )
    if not trees:
        raise EmsegError("the layer holds no paths", name, "draw some, or choose another layer")
    return SkeletonSet(tuple(trees), spacing)
