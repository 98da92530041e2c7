"""SWC: one node per line with its parent.

The format has no unit of its own: its definition says micrometres, tools of connectomics write nanometres. Files
are therefore read in micrometres unless a comment in them (``# unit: nm``) or the person says otherwise, and
written in micrometres with that comment.

Source: Cannon et al. 1998, doi:10.1016/S0165-0270(98)00091-0; INCF SWC specification.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.skeletons import (
    NO_PARENT,
    Skeleton,
    SkeletonSet,
    checked_tree,
    edges_from_parents,
    parents,
)
from napari_emseg.io.textfiles import number, read_text
from napari_emseg.io.units import nanometres_per

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

DEFAULT_UNIT = "um"
_OURS = "# napari-emseg "
_UNIT = re.compile(r"^#.*?\bunits?\b[\"']?\s*[:=]?\s*[\"']?(\d+(?:\.\d+)?)?\s*([A-Za-zµμåÅ]+)", re.IGNORECASE)
_COLUMNS = 7


def read_swc(path: Path, unit: str = "") -> SkeletonSet:
    """Read an SWC file.

    Parameters
    ----------
    path : Path
    unit : str
        Unit of the coordinates: "nm", "um" ...; empty takes what the file says, else micrometres.

    Returns
    -------
    SkeletonSet
        One tree per root, or the trees that our own note in the file names. ``notes`` says which unit was taken.

    Raises
    ------
    EmsegError
        If a line is not seven numbers, a parent does not exist, a node is its own ancestor, or the unit is none.
    """
    text = read_text(path, "SWC file")
    said, factor = (unit, nanometres_per(unit)) if unit else _said_unit(text)
    if factor is None:
        raise EmsegError(f"{said!r} is no unit of length", str(path), "give nm or um")
    table = _table(text, path)
    ids, kinds = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    parent = table[:, 6].astype(np.int64)
    parent[parent < 0] = NO_PARENT
    ours = _our_note(text)
    tree_of = _tree_of_nodes(ids, parent, path)
    with np.errstate(over="ignore"):  # what is too far away is refused below
        places = table[:, [2, 3, 4, 5]] * factor
    whole = Skeleton(
        id=1,
        name=path.stem,
        node_ids=ids,
        points_nm=places[:, 2::-1],
        radius_nm=np.where(places[:, 3] < 0, np.nan, places[:, 3]),
        edges=edges_from_parents(ids, parent),
        kinds=kinds,
    )
    checked_tree(whole, str(path))
    trees = tuple(
        _cut_out(whole, nodes, edges, root, ours.get(str(int(ids[root])), {}))
        for root, nodes, edges in _parted(whole, tree_of)
    )
    note = f"coordinates are taken as {said or DEFAULT_UNIT}" + (
        "" if said else ", as the format says; the file does not say it"
    )
    return SkeletonSet(trees, notes=(note,))


def _said_unit(text: str) -> tuple[str, float | None]:
    """What a comment says, and nanometres in that: also "8 nanometer", of coordinates that count voxels of 8 nm."""
    for line in text.splitlines():
        if line.startswith("#") and (match := _UNIT.match(line)) and (one := nanometres_per(match[2])):
            times = float(match[1] or 1)
            if times > 0:
                return match[2] if times == 1 else f"{match[1]} {match[2]}", times * one
    return "", nanometres_per(DEFAULT_UNIT)


def _table(text: str, path: Path) -> NDArray[np.float64]:
    rows = []
    for n, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            row = [float(w) for w in words[:_COLUMNS]]
        except ValueError:
            row = []
        ok = len(row) == _COLUMNS and all(
            float(row[k]).is_integer() for k in (0, 1, 6) if np.isfinite(row[k])
        )
        if (
            not ok
            or not np.isfinite([row[0], row[1], row[6]]).all()
            or max(abs(row[k]) for k in (0, 1, 6)) >= 2**53  # beyond, numbers are rounded
        ):
            raise EmsegError(
                f"line {n} is no node", str(path), "an SWC line is: id type x y z radius parent, in numbers"
            )
        rows.append(row)
    if not rows:
        raise EmsegError("the SWC file holds no node", str(path), "export it again")
    return np.asarray(rows, float)


def _tree_of_nodes(ids: NDArray[np.int64], parent: NDArray[np.int64], path: Path) -> NDArray[np.intp]:
    """Index of the root of each node."""
    order = np.argsort(ids, kind="stable")
    position = np.minimum(np.searchsorted(ids, parent, sorter=order), ids.size - 1)
    above = order[position]
    lost = (parent != NO_PARENT) & (ids[above] != parent)
    if lost.any():
        raise EmsegError(
            f"the parent {parent[lost][0]} of node {ids[lost][0]} does not exist",
            str(path),
            "export the whole tree again",
        )
    own = np.arange(ids.size)
    above = np.where(parent == NO_PARENT, own, above)
    for _ in range(ids.size.bit_length() + 1):  # each round doubles the way towards the root
        above = above[above]
    if (parent[above] != NO_PARENT).any():
        raise EmsegError("its nodes form a loop", str(path), "an SWC tree has none: export it again")
    return above


def _our_note(text: str) -> dict[str, Any]:
    for line in text.splitlines():
        if line.startswith(_OURS):
            try:
                found = json.loads(line.removeprefix(_OURS))
            except (ValueError, RecursionError):
                return {}
            return found if isinstance(found, dict) else {}
    return {}


def _parted(
    whole: Skeleton, tree_of: NDArray[np.intp]
) -> Iterator[tuple[int, NDArray[np.intp], NDArray[np.intp]]]:
    """Root, nodes and edges of each tree; a file may hold as many trees as nodes."""
    order = np.argsort(tree_of, kind="stable")
    roots, first = np.unique(tree_of[order], return_index=True)
    row_of = np.argsort(whole.node_ids, kind="stable")
    child = row_of[np.searchsorted(whole.node_ids, whole.edges[:, 1], sorter=row_of)]
    edge_order = np.argsort(tree_of[child], kind="stable")
    begins = np.searchsorted(tree_of[child][edge_order], roots)
    nodes, edges = np.split(order, first[1:]), np.split(edge_order, begins[1:])
    return zip(roots.tolist(), nodes, edges, strict=True)


def _cut_out(
    whole: Skeleton, inside: NDArray[np.intp], edges: NDArray[np.intp], root: int, note: Any
) -> Skeleton:
    note = note if isinstance(note, dict) else {}
    ids = whole.node_ids[inside]
    has = {str(i) for i in ids.tolist()}
    comments = note.get("comments", {})
    comments = comments if isinstance(comments, dict) else {}
    marked = note.get("branch_points", [])
    marked = marked if isinstance(marked, list) else []
    number_of = note.get("id")
    return Skeleton(
        id=number_of if isinstance(number_of, int) else int(whole.node_ids[root]),
        name=str(note.get("name", whole.name)),
        node_ids=ids,
        points_nm=whole.points_nm[inside],
        radius_nm=whole.radius_nm[inside],
        edges=whole.edges[edges],
        kinds=whole.kinds[inside],
        comments={
            int(k): tuple(map(str, v)) for k, v in comments.items() if k in has and isinstance(v, list)
        },
        branch_points=frozenset(b for b in marked if isinstance(b, int) and str(b) in has),
    )


def write_swc(path: Path, skeletons: SkeletonSet) -> None:
    """Write an SWC file in micrometres; several trees have several roots.

    What the format has no place for (names and numbers of trees, comments, marked branch points) goes into one
    comment line, which `read_swc` understands. Unknown radii are written as 0.

    Raises
    ------
    EmsegError
        If a tree has a loop, or two trees share a node number.
    """
    micrometre = nanometres_per(DEFAULT_UNIT) or 1.0
    lines = [
        f"# unit: {DEFAULT_UNIT}",
        "# id type x y z radius parent",
    ]
    note: dict[str, Any] = {}
    rows: list[str] = []
    used: set[int] = set()
    for tree in skeletons.trees:
        ids = tree.node_ids.tolist()
        twice = used & set(ids)
        if twice:
            raise EmsegError(
                f"node {min(twice)} is in two trees", str(path), "write .nml or .json, or one tree a file"
            )
        used |= set(ids)
        above = parents(tree)
        for root in tree.node_ids[above == NO_PARENT].tolist():
            note[str(root)] = {
                "id": tree.id,
                "name": tree.name,
                "comments": {str(k): list(v) for k, v in tree.comments.items()},
                "branch_points": sorted(tree.branch_points),
            }
        points = tree.points_nm[:, ::-1] / micrometre
        radii = np.nan_to_num(tree.radius_nm / micrometre, nan=0.0)
        for i in np.argsort(_depth(tree, above), kind="stable").tolist():  # parents stand before children
            x, y, z = (number(v) for v in points[i])
            rows.append(f"{ids[i]} {tree.kinds[i]} {x} {y} {z} {number(radii[i])} {above[i]}")
    lines.insert(1, _OURS + json.dumps(note))
    path.write_text("\n".join([*lines, *rows]) + "\n", "utf-8")


def _depth(tree: Skeleton, above: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many edges lie between each node and its root."""
    index = {int(n): i for i, n in enumerate(tree.node_ids)}
    depth = np.full(len(tree), -1, np.int64)
    for i in range(len(tree)):
        way = []
        at = i
        while depth[at] < 0 and above[at] != NO_PARENT:
            way.append(at)
            at = index[int(above[at])]
        depth[at] = max(depth[at], 0)
        for step, node in enumerate(reversed(way), 1):
            depth[node] = depth[at] + step
    return depth
