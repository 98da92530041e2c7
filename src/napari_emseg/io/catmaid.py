"""CATMAID: skeletons as its web client exports them (CSV) and as its server answers (JSON).

Coordinates are nanometres (x, y, z) of the project.
"""

from __future__ import annotations

import csv
import io
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.skeletons import (
    MOST_ID,
    NO_PARENT,
    Connector,
    Skeleton,
    SkeletonSet,
    checked_tree,
    edges_from_parents,
    parents,
)
from napari_emseg.io.textfiles import number, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_CSV = ("skeleton_id", "treenode_id", "parent_treenode_id", "x", "y", "z")
_RELATIONS = ("presynaptic_to", "postsynaptic_to", "gapjunction_with")
_ROOTS = ("", "null", "None", "undefined", "-1")  # what stands for the parent of a root
_SURE = 5  # highest confidence, which a node has until somebody doubts it
_NODE_COLUMNS = 8  # id, parent, user, x, y, z, radius, confidence


def read_catmaid_csv(path: Path) -> SkeletonSet:
    """Read the CSV that "Export skeletons as CSV" writes.

    Columns ``skeleton_id, treenode_id, parent_treenode_id, x, y, z`` and, where they are there, ``r`` and
    ``neuron`` (the name); in any order.

    Raises
    ------
    EmsegError
        If columns are missing or a row is not numbers.
    """
    rows = _table(path)
    trees: dict[int, list[list[float]]] = {}
    called: dict[int, str] = {}
    try:
        for row in rows:
            tree = int(row["skeleton_id"])
            trees.setdefault(tree, []).append(_node(row))
            called.setdefault(tree, row.get("neuron") or row.get("name") or "")
    except (ValueError, TypeError, csv.Error) as error:
        raise EmsegError(f"row {rows.line_num} is no node", str(path), "export it again") from error
    if not trees:
        raise EmsegError("the table holds no node", str(path), "export it again")
    try:
        return SkeletonSet(tuple(_built(i, called[i], nodes, str(path)) for i, nodes in trees.items()))
    except OverflowError as error:
        raise EmsegError("a node number is beyond 63 bits", str(path), "export it again") from error


def _table(path: Path) -> csv.DictReader[str]:
    """The rows of a table that has all columns of a CATMAID table."""
    rows = csv.DictReader(io.StringIO(read_text(path, "CATMAID table"), newline=None), skipinitialspace=True)
    try:
        names = [(n or "").strip() for n in rows.fieldnames or ()]
    except csv.Error as error:
        raise EmsegError("its first line is no heading", str(path), "export it again") from error
    missing = [n for n in _CSV if n not in names]
    if missing:
        raise EmsegError(
            f"the table lacks the column {missing[0]}", str(path), f"a CATMAID table has {', '.join(_CSV)}"
        )
    rows.fieldnames = names
    return rows


def _node(row: Mapping[str, str]) -> list[float]:
    """Id, parent, z, y, x and radius of a row; ValueError or TypeError where one is no number."""
    parent = (row["parent_treenode_id"] or "").strip()
    place = [float(row[axis]) for axis in "zyx"]
    radius = float(row.get("r") or "nan")
    return [int(row["treenode_id"]), NO_PARENT if parent in _ROOTS else int(parent), *place, radius]


def _built(
    number_of: int,
    name: str,
    nodes: Sequence[Sequence[Any]],
    where: str,
    tags: dict[int, tuple[str, ...]] | None = None,
    extras: dict[int, dict[str, str]] | None = None,
) -> Skeleton:
    """A tree from rows (id, parent, z, y, x, radius); a radius of 0 or less is unknown, as in CATMAID."""
    ids = np.asarray([n[0] for n in nodes], np.int64)
    parent = np.asarray([n[1] for n in nodes], np.int64)
    rest = np.asarray([n[2:6] for n in nodes], float).reshape(-1, 4)
    tree = Skeleton(
        id=number_of,
        name=name,
        node_ids=ids,
        points_nm=rest[:, :3],
        radius_nm=np.where(rest[:, 3] > 0, rest[:, 3], np.nan),
        edges=edges_from_parents(ids, parent),
        kinds=np.zeros(ids.size, np.int64),
        comments=tags or {},
        extras=extras or {},
    )
    return checked_tree(tree, where)


def read_catmaid_json(path: Path) -> SkeletonSet:
    """Read what CATMAID's server answers for skeletons.

    Understood are ``compact-detail`` (``{"skeletons": {ID: [nodes, connectors, tags]}}``), one
    ``compact-skeleton`` (``[nodes, connectors, tags]``), and the older export
    ``{"skeletons": {ID: {"treenode": {...}, "connector": {...}}}}``.

    Raises
    ------
    EmsegError
        If it is something else, or a tree does not hold together.
    """
    text = read_text(path, "CATMAID file")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EmsegError("the JSON is damaged or cut short", str(path), "export it again") from error
    if isinstance(content, list):
        content = {"skeletons": {"1": content}}
    found = content.get("skeletons") if isinstance(content, dict) else None
    if not isinstance(found, dict) or not found:
        raise EmsegError("it holds no CATMAID skeletons", str(path), "export compact-detail or CSV")
    names = content.get("names", {}) if isinstance(content.get("names", {}), dict) else {}
    trees, connectors = [], []
    try:
        for key, value in found.items():
            tree, synapses = (_named if isinstance(value, dict) else _compact)(int(key), value, str(path))
            name = names.get(key)
            trees.append(tree if name is None else _renamed(tree, str(name)))
            connectors += synapses
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise EmsegError("a skeleton is not as CATMAID writes it", str(path), "export it again") from error
    return SkeletonSet(tuple(trees), connectors=tuple(connectors))


def _renamed(tree: Skeleton, name: str) -> Skeleton:
    from dataclasses import replace

    return replace(tree, name=name)


def _compact(number_of: int, parts: Sequence[Any], where: str) -> tuple[Skeleton, list[Connector]]:
    nodes, connectors, tags = parts[0], parts[1] if len(parts) > 1 else [], parts[2] if len(parts) > 2 else {}
    rows = [
        [_id(n[0]), NO_PARENT if n[1] is None else _id(n[1]), *(float(n[k]) for k in (5, 4, 3)), float(n[6])]
        for n in nodes
    ]
    extras = {
        _id(n[0]): {"user": str(n[2]), "confidence": str(n[7])} for n in nodes if len(n) >= _NODE_COLUMNS
    }
    said: dict[int, list[str]] = {}
    there = {row[0] for row in rows}
    for tag, members in (tags or {}).items():
        for node in members:
            if _id(node) in there:
                said.setdefault(_id(node), []).append(str(tag))
    tree = _built(number_of, "", rows, where, {k: tuple(v) for k, v in said.items()}, extras)
    return tree, [
        Connector(_id(c[0]), _id(c[1]), _relation(c[2]), _place(c[5], c[4], c[3])) for c in connectors or ()
    ]


def _id(value: Any) -> int:
    """A number of a node: whole, and within 63 bits. JSON also has 1.5, NaN and numbers without end."""
    number_of = int(value)
    if isinstance(value, float) and value != number_of:
        raise ValueError(value)
    if abs(number_of) > MOST_ID:
        raise OverflowError(value)
    return number_of


def _place(z: Any, y: Any, x: Any) -> tuple[float, float, float]:
    place = float(z), float(y), float(x)
    if not all(map(math.isfinite, place)):
        raise ValueError(place)
    return place


def _relation(value: Any) -> str:
    """A relation by its number (0 pre, 1 post, 2 gap junction) or name."""
    return _RELATIONS[value] if isinstance(value, int) and 0 <= value < len(_RELATIONS) else str(value)


def _named(number_of: int, parts: dict[str, Any], where: str) -> tuple[Skeleton, list[Connector]]:
    rows, said = [], {}
    for key, node in parts["treenode"].items():
        x, y, z = (float(v) for v in node["location"])
        parent = node.get("parent_id")
        rows.append(
            [int(key), NO_PARENT if parent is None else int(parent), z, y, x, float(node.get("radius") or -1)]
        )
        if node.get("tags"):
            said[int(key)] = tuple(map(str, node["tags"]))
    connectors = []
    for key, synapse in (parts.get("connector") or {}).items():
        x, y, z = (float(v) for v in synapse["location"])
        for relation in _RELATIONS:
            for node in synapse.get(relation, ()):
                connectors.append(Connector(_id(node), _id(key), relation, _place(z, y, x)))
    return _built(number_of, str(parts.get("name", "")), rows, where, said), connectors


def write_catmaid_csv(path: Path, skeletons: SkeletonSet) -> None:
    """Write the columns of "Export skeletons as CSV", with the neuron's name in front.

    Comments and connectors have no place in it.

    Raises
    ------
    EmsegError
        If a tree has a loop.
    """
    text = io.StringIO(newline="")
    plain = csv.writer(text, lineterminator="\n")
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    plain.writerow(["neuron", *_CSV, "r"])
    for tree in skeletons.trees:
        table = quoted if tree.name.startswith(" ") else plain  # readers leave out what stands before a name
        for node, parent, point, radius in _rows(tree):
            place = [number(v) for v in point[::-1]]
            table.writerow(
                [tree.name, tree.id, node, "" if parent == NO_PARENT else parent, *place, number(radius)]
            )
    path.write_text(text.getvalue(), "utf-8", newline="")


def _rows(tree: Skeleton) -> Iterable[tuple[int, int, list[float], float]]:
    radius = np.nan_to_num(tree.radius_nm, nan=-1.0)
    return zip(
        tree.node_ids.tolist(), parents(tree).tolist(), tree.points_nm.tolist(), radius.tolist(), strict=True
    )


def write_catmaid_json(path: Path, skeletons: SkeletonSet) -> None:
    """Write ``compact-detail``: nodes, connectors and tags of each skeleton, and a table of names.

    Raises
    ------
    EmsegError
        If a tree has a loop, or two trees have the same number.
    """
    found: dict[str, Any] = {}
    for tree in skeletons.trees:
        if str(tree.id) in found:
            raise EmsegError(f"two trees have the number {tree.id}", str(path), "renumber one of them")
        inside = set(tree.node_ids.tolist())
        nodes = [
            [n, None if p == NO_PARENT else p, _user(tree, n), *point[::-1], r, _confidence(tree, n)]
            for n, p, point, r in _rows(tree)
        ]
        tags: dict[str, list[int]] = {}
        for node, texts in tree.comments.items():
            for text in texts:
                tags.setdefault(text, []).append(node)
        synapses = [
            [c.node_id, c.connector_id, _number_of(c.relation), *c.point_nm[::-1]]
            for c in skeletons.connectors
            if c.node_id in inside
        ]
        found[str(tree.id)] = [nodes, synapses, tags]
    names = {str(t.id): t.name for t in skeletons.trees if t.name}
    path.write_text(json.dumps({"skeletons": found, "names": names}), "utf-8")


def _number_of(relation: str) -> int | str:
    return _RELATIONS.index(relation) if relation in _RELATIONS else relation


def _user(tree: Skeleton, node: int) -> int:
    value = tree.extras.get(node, {}).get("user", "")
    return int(value) if value.isdecimal() else 0


def _confidence(tree: Skeleton, node: int) -> int:
    value = tree.extras.get(node, {}).get("confidence", "")
    return int(value) if value.isdecimal() else _SURE
