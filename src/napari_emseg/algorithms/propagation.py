"""Carrying ids through a stack: evidence from all sections, then groups that no anchor contradicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.evidence import tabulate
from napari_emseg.algorithms.joining import contract
from napari_emseg.algorithms.matching import candidates, describe
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from napari_emseg.algorithms.evidence import Objects
    from napari_emseg.algorithms.matching import Candidates, Link
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ArrayLike3D, Spacing
    from napari_emseg.settings import PropagateSettings

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
    The evidence of all sections is weighed together (see `napari_emseg.algorithms.joining`), so the result does
    not depend on the direction in which the stack is read, and between two anchors both count alike. A link
    that would join two anchored ids is refused and kept as "conflict".
    """
    report = progress or Silent()
    anchors = anchors or {}
    kept = frozenset(keep)
    n_sections = labels.shape[0]
    graph = _Graph()
    recent: int | None = None
    before: Objects | None = None
    for z in range(n_sections):
        if z in excluded:
            graph.add(np.zeros(0, np.int64), np.zeros(0, np.int64))
            continue
        here = tabulate(np.asarray(anchors[z] if z in anchors else labels[z]))
        true = np.full(here.ids.size, z in anchors) | np.isin(here.ids, list(kept))
        graph.add(here.ids, np.where(true, here.ids, 0))
        if here.ids.size < _MIN_OBJECTS:
            continue
        if recent is not None and before is not None and z - recent - 1 <= settings.max_gap:
            graph.link(recent, z, candidates(before, here, settings, spacing_nm))
        recent, before = z, here
        report.report((z + 1) / n_sections, f"section {z + 1} of {n_sections}")
    return graph.tracks(first_new)


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


@dataclass(eq=False)
class _Graph:
    """All objects of all sections, and the candidates between them."""

    ids: list[NDArray[np.int64]] = field(default_factory=list)
    anchors: list[NDArray[np.int64]] = field(default_factory=list)
    pairs: list[tuple[int, int, Candidates]] = field(default_factory=list)

    def add(self, ids: NDArray[np.int64], anchors: NDArray[np.int64]) -> None:
        """Append a section."""
        self.ids.append(ids)
        self.anchors.append(anchors)

    def link(self, section_a: int, section_b: int, found: Candidates) -> None:
        self.pairs.append((section_a, section_b, found))

    def tracks(self, first_new: int | None) -> Tracks:
        """Decide what is one."""
        start = np.cumsum([0, *(len(k) for k in self.ids)])
        n = int(start[-1])
        anchor = np.concatenate([*self.anchors, np.zeros(0, np.int64)])
        u = [found.a + start[z] for z, _, found in self.pairs]
        v = [found.b + start[z] for _, z, found in self.pairs]
        none = np.zeros(0)
        group = contract(
            np.concatenate([*u, none]).astype(np.int64),
            np.concatenate([*v, none]).astype(np.int64),
            np.concatenate([*(found.evidence for *_, found in self.pairs), none]),
            np.concatenate([*(found.weight for *_, found in self.pairs), none]),
            n,
            anchor,
        )
        anchored = np.zeros(n, np.int64)
        np.maximum.at(anchored, group, anchor)
        links: list[Link] = []
        for (section_a, section_b, found), one, two in zip(self.pairs, u, v, strict=True):
            true_a, true_b = anchored[group[one]], anchored[group[two]]
            apart = (true_a > 0) & (true_b > 0) & (true_a != true_b)
            links += describe(
                self.ids[section_a],
                self.ids[section_b],
                found,
                group[one] == group[two],
                apart,
                (section_a, section_b),
            )
        first = int(anchor.max(initial=0)) + 1 if first_new is None else first_new
        return self._named(start, group, anchored, links, first)

    def _named(
        self,
        start: NDArray[np.int64],
        group: NDArray[np.int64],
        anchored: NDArray[np.int64],
        links: list[Link],
        first: int,
    ) -> Tracks:
        """New ids count up in the order in which objects appear."""
        is_new = (anchored == 0) & (group == np.arange(group.size))
        name = np.where(anchored > 0, anchored, first - 1 + np.cumsum(is_new))[group]
        names = [
            dict(zip(ids.tolist(), name[at : at + ids.size].tolist(), strict=True))
            for at, ids in zip(start[:-1].tolist(), self.ids, strict=True)
        ]
        return Tracks(names, links, first, int(is_new.sum()))
