"""NML: skeletons of Knossos and WEBKNOSSOS.

Positions in the file are voxels (x, y, z) times the scale in the file. A whole number is the middle of a voxel
here, as in napari.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.skeletons import Skeleton, SkeletonSet, checked_tree
from napari_emseg.io.textfiles import MOST_BYTES, number
from napari_emseg.io.units import nanometres_per, valid_spacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from napari_emseg.core.stack import Spacing

_NODE = ("id", "radius", "x", "y", "z")
_COLOUR = ("color.r", "color.g", "color.b", "color.a")
_BETWEEN_COMMENTS = "; "
# What XML 1.0 cannot hold, not even escaped.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_nml(path: Path, spacing_nm: Spacing | None = None) -> SkeletonSet:
    """Read a skeleton file of Knossos or WEBKNOSSOS.

    Parameters
    ----------
    path : Path
        Entities and document types are refused: skeleton files need none, and they can be made to fill the
        memory or to read other files.
    spacing_nm : tuple of float, optional
        Voxel size (z, y, x); wins over the file's.

    Returns
    -------
    SkeletonSet
        ``header`` holds the elements that are not understood here (parameters, groups), as XML.

    Raises
    ------
    EmsegError
        If it is no NML, damaged, without scale, or its nodes and edges do not fit together.
    """
    root = _parse(path)
    spacing = spacing_nm or _scale(root)
    if spacing is None:
        raise EmsegError("the file names no voxel size", str(path), "give it with --pixel-size Z,Y,X")
    comments: dict[int, list[str]] = {}
    try:
        for element in root.iter("comment"):
            comments.setdefault(int(element.attrib["node"]), []).append(element.get("content", ""))
        marked = frozenset(int(e.attrib["id"]) for e in root.iter("branchpoint"))
        trees = tuple(_tree(thing, spacing, comments, marked, str(path)) for thing in root.iter("thing"))
    except (KeyError, ValueError, OverflowError) as error:
        raise EmsegError(
            f"a number or an attribute is missing or wrong ({_short(error)})", str(path), "export it again"
        ) from error
    rest = [e for e in root if e.tag not in ("thing", "comments", "branchpoints")]
    return SkeletonSet(trees, spacing, header=_kept(rest, path))


def _parse(path: Path) -> Element:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        if path.stat().st_size > MOST_BYTES:
            raise EmsegError(
                "it is too large for a skeleton file", str(path), "check that it is the right file"
            )
        content = path.read_bytes()
    except OSError as error:
        raise EmsegError(f"it cannot be read ({error.strerror})", str(path), "check the path") from error
    if not content.strip():
        raise EmsegError("the file is empty", str(path), "copy or export it again")
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise EmsegError(
            "the file declares entities or a document type, which skeletons do not need",
            str(path),
            "it may be made to do harm: export it again from the tracing program",
        ) from error
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise EmsegError(
            f"the XML is damaged or cut short ({_short(error)})", str(path), "export it again"
        ) from error
    if root.tag != "things":
        raise EmsegError(f"it is XML but no NML (its root is {root.tag[:40]})", str(path), "give an .nml")
    return root


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:80]


def _scale(root: Element) -> Spacing | None:
    element = root.find("parameters/scale")
    if element is None:
        return None
    factor = nanometres_per(element.get("unit", "nanometer"))
    if factor is None:  # a voxel size is asked for rather than guessed
        return None
    return valid_spacing([element.get(axis) for axis in "zyx"], factor)


def _kept(elements: Iterable[Element], path: Path) -> str:
    try:
        return "".join(tostring(e, "unicode").strip() for e in elements)
    except RecursionError as error:
        raise EmsegError("groups are nested too deeply", str(path), "export it again") from error


def _tree(
    thing: Element,
    spacing: Spacing,
    comments: Mapping[int, list[str]],
    marked: frozenset[int],
    where: str,
) -> Skeleton:
    nodes = list(thing.iter("node"))
    ids = [int(n.attrib["id"]) for n in nodes]
    voxels = np.array([[float(n.attrib[a]) for a in "zyx"] for n in nodes], float).reshape(-1, 3)
    # A radius counts voxels of the plane in both programs.
    radius = np.array([float(n.get("radius", "nan")) for n in nodes], float) * spacing[2]
    edges = [(int(e.attrib["source"]), int(e.attrib["target"])) for e in thing.iter("edge")]
    extras = {
        i: {k: v for k, v in n.attrib.items() if k not in _NODE} for i, n in zip(ids, nodes, strict=True)
    }
    known = {"id", "name", "comment", *_COLOUR, *(c.replace(".", "") for c in _COLOUR)}
    tree = Skeleton(
        id=int(thing.attrib["id"]),
        name=thing.get("name", thing.get("comment", "")),
        node_ids=np.asarray(ids, np.int64),
        points_nm=voxels * spacing,
        radius_nm=radius,
        edges=np.asarray(edges, np.int64).reshape(-1, 2),
        kinds=np.zeros(len(ids), np.int64),
        comments={i: tuple(comments[i]) for i in ids if i in comments},
        branch_points=marked & frozenset(ids),
        colour=_colour(thing.attrib),
        extras={i: e for i, e in extras.items() if e},
        attributes={k: v for k, v in thing.attrib.items() if k not in known},
    )
    return checked_tree(tree, where)


def _colour(attributes: Mapping[str, str]) -> tuple[float, float, float, float] | None:
    for names in (_COLOUR, tuple(c.replace(".", "") for c in _COLOUR)):
        values = [attributes.get(n, "") for n in names]
        if all(values):
            r, g, b, a = (min(float(v), 1.0) for v in values)
            # Knossos writes -1 for "no colour"
            return (r, g, b, a) if all(v >= 0 for v in (r, g, b, a)) else None
    return None


def write_nml(path: Path, skeletons: SkeletonSet, spacing_nm: Spacing | None = None) -> None:
    """Write a skeleton file that Knossos and WEBKNOSSOS read.

    Parameters
    ----------
    path : Path
    skeletons : SkeletonSet
    spacing_nm : tuple of float, optional
        Voxel size (z, y, x) in which positions are to count; by default that of the skeletons, else 1 nm.
    """
    spacing = spacing_nm or skeletons.spacing_nm or (1.0, 1.0, 1.0)
    root = Element("things")
    _add_header(root, skeletons.header, spacing)
    for tree in skeletons.trees:
        _add_tree(root, tree, spacing)
    marked = SubElement(root, "branchpoints")
    said = SubElement(root, "comments")
    for tree in skeletons.trees:
        for node in sorted(tree.branch_points):
            SubElement(marked, "branchpoint", id=str(node), time="0")
        for node, texts in sorted(tree.comments.items()):
            SubElement(said, "comment", node=str(node), content=_clean(_BETWEEN_COMMENTS.join(texts)))
    indent(root)
    path.write_bytes(tostring(root, "utf-8", xml_declaration=True))


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _add_header(root: Element, header: str, spacing: Spacing) -> None:
    from defusedxml.ElementTree import fromstring

    try:
        kept = list(fromstring(f"<header>{header}</header>"))
    except Exception:  # a header of another format
        kept = []
    root.extend(kept)
    parameters = root.find("parameters")
    if parameters is None:
        parameters = Element("parameters")
        root.insert(0, parameters)
    if parameters.find("experiment") is None:
        SubElement(parameters, "experiment", name="napari-emseg")
    scale = parameters.find("scale")
    if scale is None:
        scale = SubElement(parameters, "scale")
    scale.attrib.clear()
    scale.attrib |= {a: number(s) for a, s in zip("xyz", spacing[::-1], strict=True)} | {"unit": "nanometer"}


def _add_tree(root: Element, tree: Skeleton, spacing: Spacing) -> None:
    attributes: dict[str, Any] = {"id": str(tree.id), "name": _clean(tree.name)}
    if tree.colour is not None:
        attributes |= {c: number(v) for c, v in zip(_COLOUR, tree.colour, strict=True)}
    thing = SubElement(root, "thing", attributes | dict(tree.attributes))
    nodes = SubElement(thing, "nodes")
    voxels = tree.points_nm / spacing
    for i, node in enumerate(tree.node_ids.tolist()):
        values = {"id": str(node)}
        if np.isfinite(tree.radius_nm[i]):
            values["radius"] = number(tree.radius_nm[i] / spacing[2])
        values |= {a: number(v) for a, v in zip("zyx", voxels[i], strict=True)}
        SubElement(nodes, "node", values | dict(tree.extras.get(node, {})))
    edges = SubElement(thing, "edges")
    for a, b in tree.edges.tolist():
        SubElement(edges, "edge", source=str(a), target=str(b))
