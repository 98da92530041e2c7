"""Carrying ids through a stack: all links, then groups that no anchor contradicts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.matching import Link, Objects, link_objects, tabulate
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ArrayLike3D, Spacing
    from napari_emseg.settings import PropagateSettings

_JOINS = ("same", "branch", "merger", "bridge")
_MIN_OBJECTS = 1  # a section with fewer is taken for missing


@dataclass(frozen=True, eq=False)
class Tracks:
    """Which objects of which sections are one.

    Attributes
    ----------
    names : list of dict
        For every section the new id of every object.
    links : list of Link
        All decisions, by section; sections are numbered from 0.
    first_new : int
        New ids are this and above; below are ids of anchors.
    n_new : int
        Number of new ids.
    """

    names: list[dict[int, int]]
    links: list[Link]
    first_new: int
    n_new: int


@dataclass(eq=False)
class _Groups:
    """Disjoint sets of objects; a set has at most one anchored id."""

    parent: list[int] = field(default_factory=list)
    anchor: list[int] = field(default_factory=list)

    def add(self, anchor: int) -> int:
        self.parent.append(len(self.parent))
        self.anchor.append(anchor)
        return len(self.parent) - 1

    def find(self, k: int) -> int:
        while self.parent[k] != k:
            self.parent[k] = self.parent[self.parent[k]]
            k = self.parent[k]
        return k

    def join(self, a: int, b: int) -> bool:
        """Make one set of two; False if people gave them different ids."""
        a, b = sorted((self.find(a), self.find(b)))
        if a != b and self.anchor[a] and self.anchor[b] and self.anchor[a] != self.anchor[b]:
            return False
        self.parent[b] = a
        self.anchor[a] = self.anchor[a] or self.anchor[b]
        return True


def track(
    labels: ArrayLike3D,
    settings: PropagateSettings,
    spacing_nm: Spacing | None,
    *,
    anchors: Mapping[int, NDArray[Any]] | None = None,
    keep: Collection[int] = (),
    excluded: Collection[int] = frozenset(),
    first_new: int | None = None,
    progress: Progress | None = None,
) -> Tracks:
    """Find out which objects of a stack of sections are one.

    Parameters
    ----------
    labels : array (z, y, x) of int
        Per-section ids, 0 is none; ids mean nothing between sections. Read section by section.
    settings : PropagateSettings
        Gates, and how many missing sections are bridged.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); None takes 5 nm on all axes.
    anchors : mapping of section to ndarray (y, x), optional
        Sections whose ids are true: they replace those of ``labels``, never change, and spread.
    keep : collection of int, optional
        Ids that are true in every section, such as those of locked objects.
    excluded : collection of int, optional
        Sections that are left as they are.
    first_new : int, optional
        First id for objects that no anchor reaches; by default after the highest anchored id.
    progress : Progress, optional

    Returns
    -------
    Tracks

    Notes
    -----
    Links are taken in the order of their confidence, one-to-one links first, so the result does not depend
    on the direction in which the stack is read. A link that would join two anchored ids is refused and kept
    as "conflict".
    """
    report = progress or Silent()
    anchors = anchors or {}
    kept = frozenset(keep)
    n_sections = labels.shape[0]
    groups = _Groups()
    nodes: list[dict[int, int]] = []
    links: list[Link] = []
    recent: tuple[int, Objects] | None = None
    for z in range(n_sections):
        section = np.asarray(anchors[z] if z in anchors else labels[z])
        if z in excluded:
            nodes.append({})
            continue
        here = tabulate(section)
        nodes.append({i: groups.add(i if z in anchors or i in kept else 0) for i in here.ids.tolist()})
        if here.ids.size < _MIN_OBJECTS:
            continue
        if recent is not None and z - recent[0] - 1 <= settings.max_gap:
            found = link_objects(recent[1], here, settings, spacing_nm)
            links += [replace(link, section_a=recent[0], section_b=z) for link in found]
        recent = (z, here)
        report.report((z + 1) / n_sections, f"section {z + 1} of {n_sections}")
    order = sorted(
        (k for k, link in enumerate(links) if link.kind in _JOINS),
        key=lambda k: (links[k].kind != "same", -links[k].confidence, k),
    )
    for k in order:
        link = links[k]
        if not groups.join(nodes[link.section_a][link.a], nodes[link.section_b][link.b]):
            links[k] = replace(link, kind="conflict")
    if first_new is None:
        first_new = max([0, *groups.anchor]) + 1
    return _named(groups, nodes, links, first_new)


def propagate(
    labels: ArrayLike3D,
    settings: PropagateSettings,
    spacing_nm: Spacing | None,
    *,
    anchors: Mapping[int, NDArray[Any]] | None = None,
    keep: Collection[int] = (),
    excluded: Collection[int] = frozenset(),
    progress: Progress | None = None,
) -> tuple[NDArray[np.uint32], list[Link]]:
    """Give the objects of all sections consistent ids.

    Parameters are those of `track`.

    Returns
    -------
    labels : ndarray of uint32 (z, y, x)
        Anchored sections are unchanged, excluded ones empty. Without anchors ids run from 1 in the order of
        their first section.
    links : list of Link

    Raises
    ------
    EmsegError
        If ids do not fit into 32 bits.
    """
    tracks = track(
        labels, settings, spacing_nm, anchors=anchors, keep=keep, excluded=excluded, progress=progress
    )
    if tracks.first_new + tracks.n_new > np.iinfo(np.uint32).max:
        raise EmsegError("ids do not fit into 32 bits", "propagate", "use smaller ids in the anchors")
    result = np.zeros(labels.shape, np.uint32)
    for z, names in enumerate(tracks.names):
        section = np.asarray(anchors[z] if anchors and z in anchors else labels[z])
        result[z] = rename(section, names)
    return result, tracks.links


def rename(section: NDArray[Any], names: Mapping[int, int]) -> NDArray[np.int64]:
    """Replace the ids of one section; ids without a new name become 0."""
    import fastremap

    wide = np.ascontiguousarray(section).astype(np.int64)
    table = {int(old): names.get(int(old), 0) for old in fastremap.unique(wide)}
    renamed: NDArray[np.int64] = fastremap.remap(wide, table, in_place=True)
    return renamed


def _named(groups: _Groups, nodes: list[dict[int, int]], links: list[Link], first_new: int) -> Tracks:
    given: dict[int, int] = {}
    names: list[dict[int, int]] = []
    for section in nodes:
        new: dict[int, int] = {}
        for old, node in section.items():
            root = groups.find(node)
            anchored = groups.anchor[root]
            new[old] = anchored or given.setdefault(root, first_new + len(given))
        names.append(new)
    return Tracks(names, links, first_new, len(given))
