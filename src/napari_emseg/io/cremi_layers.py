"""Annotations of CREMI as napari shows them: sites as points, partners as lines; and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.cremi import IGNORE, NO_CLEFT, POST, PRE, CremiAnnotations, cleft_masks
from napari_emseg.io.skeleton_layers import OURS, layer_points, skeletons_from_layer
from napari_emseg.io.skeletons import Skeleton, SkeletonSet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.skeleton_layers import LayerData

_COLOUR = {PRE: "#e69f00", POST: "#56b4e9"}
_OTHER = "#cccccc"
_UINT32 = 2**32


def cremi_layers(annotations: CremiAnnotations, name: str, spacing_nm: Spacing | None) -> list[LayerData]:
    """Layers for the annotations of a file.

    Parameters
    ----------
    annotations : CremiAnnotations
    name : str
        What the layers are called.
    spacing_nm : tuple of float or None
        Voxel size of the file's volumes, so that keys step by sections.

    Returns
    -------
    list of layer data
        A Shapes layer with a line from the pre- to the postsynaptic site of each pair, and a Points layer of all
        sites whose features name id, type and comment. Both lie where the annotations' offset says.
    """
    scale = spacing_nm or (1.0, 1.0, 1.0)
    placed = {
        "scale": scale, "units": ("nm",) * 3, "axis_labels": ("z", "y", "x"), "translate": annotations.offset_nm
    }  # fmt: skip
    layers: list[LayerData] = []
    points = annotations.locations_nm / scale
    if len(annotations.partners):
        pre, post = (points[annotations.index_of(annotations.partners[:, k])] for k in (0, 1))
        lines = np.stack([pre, post], axis=1)
        features = {"pre": annotations.partners[:, 0], "post": annotations.partners[:, 1]}
        options = {
            "name": f"{name} partners", "shape_type": "path", "edge_color": "#ffffff", "edge_width": 2,
            "features": features, **placed,
        }  # fmt: skip
        layers.append((list(lines), options, "shapes"))
    features = {
        "id": annotations.ids,
        "type": np.asarray(annotations.types, object),
        "comment": np.asarray([annotations.comments.get(int(i), "") for i in annotations.ids], object),
    }
    options = {
        "name": f"{name} sites",
        "features": features,
        "face_color": [_COLOUR.get(t, _OTHER) for t in annotations.types] or _OTHER,
        "size": 8.0,
        "metadata": {OURS: {"cremi": annotations}},
        **placed,
    }
    layers.append((points, options, "points"))
    return layers


def cremi_from_layer(data: Any, meta: Mapping[str, Any], kind: str) -> CremiAnnotations:
    """Annotations from a layer: the points of `cremi_layers`, or lines that a person drew from pre to post.

    Parameters
    ----------
    data, meta : layer data
    kind : {"points", "shapes"}

    Returns
    -------
    CremiAnnotations
        Points keep ids, types and comments; a pair stays while both of its sites do. Each edge of a line is a
        pair; sites of lines that lie at one place are one.

    Raises
    ------
    EmsegError
        If the layer is empty or has no unit of length.
    """
    if kind == "shapes":
        return from_skeletons(skeletons_from_layer(data, meta, "shapes"))
    world = layer_points(data, meta)
    ours = dict(meta.get("metadata", {})).get(OURS, {})
    before = ours.get("cremi") if isinstance(ours, dict) else None
    features = {str(k): np.asarray(v) for k, v in dict(meta.get("features", {})).items()}
    ids = _own_ids(features.get("id"), len(world))
    types = features.get("type")
    said = features.get("comment")
    names = (
        tuple(str(t) for t in types)
        if types is not None and len(types) == len(world)
        else (PRE,) * len(world)
    )
    found = CremiAnnotations(
        ids, names, world, np.zeros((0, 2), np.uint64),
        {int(i): str(t) for i, t in zip(ids, said, strict=True) if t} if said is not None and len(said) == len(ids) else {},
    )  # fmt: skip
    if not isinstance(before, CremiAnnotations):
        return found
    kept = np.isin(before.partners, ids).all(axis=1)
    return replace(
        found,
        locations_nm=world - np.asarray(before.offset_nm),
        offset_nm=before.offset_nm,
        partners=before.partners[kept],
        neuron_confidence=before.neuron_confidence,
    )


def _own_ids(column: NDArray[Any] | None, n: int) -> NDArray[np.uint64]:
    """An id of its own for each point: napari copies the features of one point to the next that is drawn."""
    if column is None or len(column) != n or column.dtype.kind not in "iuf":
        return np.arange(1, n + 1, dtype=np.uint64)
    values = (
        np.where(np.isfinite(column), column, 0).astype(np.uint64) if column.dtype.kind == "f" else column
    )
    out, seen = [], set()
    fresh = max((int(v) for v in values), default=0) + 1
    for value in values.tolist():
        if int(value) in seen:
            value, fresh = fresh, fresh + 1
        seen.add(int(value))
        out.append(int(value))
    return np.asarray(out, np.uint64)


def to_skeletons(annotations: CremiAnnotations, spacing_nm: Spacing | None = None) -> SkeletonSet:
    """Partners as skeletons, so that tracing programs show them: each pair is a tree of two nodes, pre first.

    Sites without a partner are trees of one node. Types and comments are the nodes' comments.
    """
    said = {
        int(i): tuple(filter(None, (t, annotations.comments.get(int(i), ""))))
        for i, t in zip(annotations.ids, annotations.types, strict=True)
    }
    alone = np.setdiff1d(annotations.ids, annotations.partners.ravel())
    groups = [*annotations.partners.tolist(), *([i] for i in alone.tolist())]
    points, trees, node = annotations.points_nm, [], 1
    for n, sites in enumerate(groups, 1):
        rows = annotations.index_of(np.asarray(sites, np.uint64))
        ids = np.arange(node, node + len(sites))
        node += len(sites)
        trees.append(
            Skeleton(
                id=n,
                name=f"synapse {n}" if len(sites) == 2 else f"site {sites[0]}",
                node_ids=ids,
                points_nm=points[rows],
                radius_nm=np.full(ids.size, np.nan),
                edges=np.stack([ids[:-1], ids[1:]], axis=1).reshape(-1, 2),
                kinds=np.zeros(ids.size, np.int64),
                comments={int(k): said[int(s)] for k, s in zip(ids, sites, strict=True) if said[int(s)]},
            )
        )
    return SkeletonSet(tuple(trees), spacing_nm)


def from_skeletons(skeletons: SkeletonSet) -> CremiAnnotations:
    """Annotations from skeletons: each edge is a pair, its first node presynaptic; a lone node says what it is.

    Nodes of different trees that lie at one place are one site, so that one site may have several partners.

    Raises
    ------
    EmsegError
        If a node is both pre- and postsynaptic.
    """
    sites: dict[tuple[tuple[float, ...], str], int] = {}
    comments: dict[int, str] = {}
    pairs = []

    def site(tree: Skeleton, node: int, kind: str) -> int:
        row = int(np.flatnonzero(tree.node_ids == node)[0])
        key = (tuple(tree.points_nm[row].tolist()), kind)
        number = sites.setdefault(key, len(sites) + 1)
        text = "; ".join(t for t in _parts(tree, node) if t not in (PRE, POST))
        if text:
            comments[number] = text
        return number

    for tree in skeletons.trees:
        both = set(tree.edges[:, 0].tolist()) & set(tree.edges[:, 1].tolist())
        if both:
            raise EmsegError(
                f"node {min(both)} would be both pre- and postsynaptic",
                f"tree {tree.id} {tree.name}".strip(),
                "draw each pair as a line of two points, the presynaptic one first",
            )
        for a, b in tree.edges.tolist():
            pairs.append((site(tree, a, PRE), site(tree, b, POST)))
        for node in np.setdiff1d(tree.node_ids, tree.edges.ravel()).tolist():
            site(tree, node, next((t for t in _parts(tree, node) if t in (PRE, POST)), PRE))
    return CremiAnnotations(
        np.asarray(list(sites.values()), np.uint64),
        tuple(kind for _, kind in sites),
        np.asarray([point for point, _ in sites], float).reshape(-1, 3),
        np.asarray(pairs, np.uint64).reshape(-1, 2),
        comments,
    )


def _parts(tree: Skeleton, node: int) -> list[str]:
    """What was said of a node; NML keeps all of it as one text."""
    return [part for text in tree.comments.get(node, ()) for part in text.split("; ")]


def cleft_labels(volume: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Clefts as labels in which 0 is background, and where to ignore them.

    Parameters
    ----------
    volume : array-like (z, y, x) of uint64
        As in ``/volumes/labels/clefts``; read twice, section by section.

    Returns
    -------
    labels : ndarray of uint32 or uint64
        Ids as they were, in 32 bits where that holds all of them; a cleft with id 0 gets the next free one,
        because 0 means nothing in labels.
    ignore : ndarray of bool
    """
    highest, has_marker, has_zero = 0, False, False
    for z in range(volume.shape[0]):
        section = np.asarray(volume[z])
        highest = max(highest, int(section[section < IGNORE].max(initial=0)))
        has_marker |= bool((section == NO_CLEFT).any())
        has_zero |= bool((section == 0).any())
    spare = highest + 1
    labels = np.zeros(volume.shape, np.uint32 if spare < _UINT32 else np.uint64)
    ignore = np.zeros(volume.shape, bool)
    for z in range(volume.shape[0]):
        section = np.asarray(volume[z])
        cleft, ignore[z] = cleft_masks(section, has_marker=has_marker)
        ids = (
            np.where(section == 0, section.dtype.type(spare), section) if has_zero and has_marker else section
        )
        labels[z] = np.where(cleft, ids, section.dtype.type(0))
    return labels, ignore
