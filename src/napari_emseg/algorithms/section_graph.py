"""All objects of all sections with what may link them, and the decision which are one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.confidence import confidence
from napari_emseg.algorithms.evidence import CLUES
from napari_emseg.algorithms.exchange import exchange
from napari_emseg.algorithms.holes import bridge
from napari_emseg.algorithms.likelihood import log_odds
from napari_emseg.algorithms.matching import Link, describe
from napari_emseg.algorithms.neighbours import Touching
from napari_emseg.algorithms.reunion import LONGEST_STEP, reunite
from napari_emseg.algorithms.strands import WEAKEST, Pieces, join

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.algorithms.evidence import Objects
    from napari_emseg.algorithms.holes import Hole
    from napari_emseg.algorithms.matching import Candidates
    from napari_emseg.algorithms.reunion import Joints


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
        New ids are this and above; below are ids of anchors, unless these leave no room above them.
    n_new : int
        Number of new ids.
    """

    names: list[dict[int, int]]
    links: list[Link]
    first_new: int
    n_new: int


@dataclass(eq=False)
class Graph:
    """All objects of all sections, and the candidates between them.

    Attributes
    ----------
    pixel_nm : float
    max_shift_nm : float
        How far an object's centre may move from section to section.
    max_gap : int
        How many sections a link may skip.
    ids, anchors, areas, rims : list of ndarray (n,)
        For every section: names of its objects, the id that is true or 0, pixels, pixels at its edge.
    touch : list of Touching
        For every section.
    places, textures : list of ndarray (n, 2)
        For every section: centres (y, x) in pixels, and `napari_emseg.algorithms.texture.textures`.
    pairs : list of (section, section, Candidates)
        Without what is hardly possible.
    holes : list of Hole
        Objects that go on behind sections that do not show them.
    """

    pixel_nm: float
    max_shift_nm: float = np.inf
    max_gap: int = 2
    ids: list[NDArray[np.int64]] = field(default_factory=list)
    anchors: list[NDArray[np.int64]] = field(default_factory=list)
    areas: list[NDArray[np.float64]] = field(default_factory=list)
    rims: list[NDArray[np.int64]] = field(default_factory=list)
    touch: list[Touching] = field(default_factory=list)
    places: list[NDArray[np.float64]] = field(default_factory=list)
    textures: list[NDArray[np.float32]] = field(default_factory=list)
    pairs: list[tuple[int, int, Candidates]] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)

    def add(self, objects: Objects, anchors: NDArray[np.int64]) -> None:
        """Append a section."""
        self.ids.append(objects.ids)
        self.anchors.append(anchors)
        self.areas.append(objects.area)
        self.rims.append(objects.rim)
        self.touch.append(objects.touch)
        self.places.append(objects.centre)
        self.textures.append(objects.texture)

    def skip(self) -> None:
        """Append a section that is left out."""
        none = np.zeros(0, np.int64)
        for column in (self.ids, self.anchors, self.rims):
            column.append(none)
        self.areas.append(none.astype(float))
        self.touch.append(Touching(none, none, none.astype(float)))
        self.places.append(np.zeros((0, 2)))
        self.textures.append(np.zeros((0, 2), np.float32))

    def link(self, section_a: int, section_b: int, found: Candidates) -> None:
        """Remember which objects of two sections may be one."""
        possible = (log_odds(found.probability) >= WEAKEST) | found.is_match
        self.pairs.append((section_a, section_b, found.where(possible)))

    @property
    def start(self) -> NDArray[np.int64]:
        """Number of the first object of every section, and of one after the last."""
        return np.cumsum([0, *(k.size for k in self.ids)])

    def pieces(self) -> Pieces:
        """All sections together."""
        start = self.start
        used = np.array([k.size > 0 for k in self.ids], bool)
        follows = {second for _, second, _ in self.pairs}
        # Nothing is looked for across a gap that is too wide to bridge.
        ahead = [used[z] * (1 if z in follows else 1 + LONGEST_STEP) for z in range(used.size)]
        counted = np.cumsum(ahead, dtype=np.int64)
        found = [found for *_, found in self.pairs]

        def together(parts: list[NDArray[Any]], kind: type = np.int64) -> NDArray[Any]:
            return np.concatenate([np.zeros(0, kind), *parts]).astype(kind, copy=False)

        chance = together([k.probability for k in found], np.float64)
        return Pieces(
            section=np.repeat(counted, np.diff(start)),
            area=together(self.areas, np.float64),
            rim=together(self.rims, np.float64),
            u=together([k.a + start[z] for z, _, k in self.pairs]),
            v=together([k.b + start[z] for _, z, k in self.pairs]),
            log_odds=log_odds(chance),
            shared=together([k.weight**2 for k in found], np.float64),
            clues=np.concatenate([np.zeros((0, len(CLUES)), np.float32), *(k.clues for k in found)]),
            side_u=together([k.a + z for k, z in zip(self.touch, start[:-1], strict=True)]),
            side_v=together([k.b + z for k, z in zip(self.touch, start[:-1], strict=True)]),
            side=together([k.length for k in self.touch], np.float64),
            anchor=together(self.anchors),
            place=np.concatenate([np.zeros((0, 2)), *self.places]),
            move=self._moves(),
            texture=np.concatenate([np.zeros((0, 2), np.float32), *self.textures]),
            pixel_nm=self.pixel_nm,
            max_shift_nm=self.max_shift_nm,
            max_gap=self.max_gap,
        )

    def _moves(self) -> NDArray[np.float64]:
        """How far the surroundings of every object move to the next section that is there."""
        moves = [np.zeros((k.size, 2)) for k in self.ids]
        for z, _, found in self.pairs:
            moves[z] = found.moves
        return np.concatenate([np.zeros((0, 2)), *moves])

    def tracks(self, first_new: int | None) -> Tracks:
        """Decide what is one."""
        start = self.start
        n = int(start[-1])
        pieces = self.pieces()
        anchor = pieces.anchor
        known, group, bridged = bridge(pieces, join(pieces), self.holes, start)
        group, found_again = reunite(known, group)
        group, exchanged = exchange(known, group)
        u = [found.a + start[z] for z, _, found in self.pairs]
        v = [found.b + start[z] for _, z, found in self.pairs]
        anchored = np.zeros(n, np.int64)
        np.maximum.at(anchored, group, anchor)
        links: list[Link] = []
        ends = np.cumsum([k.size for k in u])
        sure = np.split(confidence(pieces, group), ends[:-1]) if u else []
        for (section_a, section_b, found), one, two, here in zip(self.pairs, u, v, sure, strict=True):
            true_a, true_b = anchored[group[one]], anchored[group[two]]
            apart = (true_a > 0) & (true_b > 0) & (true_a != true_b)
            links += describe(
                self.ids[section_a],
                self.ids[section_b],
                found,
                group[one] == group[two],
                apart,
                (section_a, section_b),
                here,
            )
        links = self._with_joints(links, bridged, start)
        links = self._with_joints(links, found_again, start)
        links = self._with_joints(links, exchanged, start, is_doubted=True)
        first = _first_free(anchor, n) if first_new is None else first_new
        return self._named(start, group, anchored, links, first)

    def _with_joints(
        self, links: list[Link], joints: Joints, start: NDArray[np.int64], *, is_doubted: bool = False
    ) -> list[Link]:
        """Links, and joints that are none yet, in place of their ends and starts.

        ``is_doubted``: links that are joints as well are no surer than these.
        """
        ids = np.concatenate([np.zeros(0, np.int64), *self.ids])
        section = np.searchsorted(start, np.arange(ids.size), side="right") - 1
        ends = zip(*(x.tolist() for k in (joints.u, joints.v) for x in (section[k], ids[k])), strict=True)
        chance = dict(zip(ends, joints.probability.tolist(), strict=True))
        made = {(k.section_a, k.a, k.section_b, k.b) for k in links if k.kind != "conflict"}
        new = [
            Link(a, b, 1 - p, p, p, "same", one, two)
            for (one, a, two, b), p in chance.items()
            if (one, a, two, b) not in made
        ]
        if is_doubted:
            sure = [chance.get((k.section_a, k.a, k.section_b, k.b), 1.0) for k in links]
            links = [
                replace(k, confidence=p) if p < k.confidence else k for k, p in zip(links, sure, strict=True)
            ]
        goes_on = {(k.section_a, k.a) for k in new}
        comes_from = {(k.section_b, k.b) for k in new}
        kept = [
            k
            for k in links
            if not (k.kind == "end" and (k.section_a, k.a) in goes_on)
            and not (k.kind == "start" and (k.section_b, k.b) in comes_from)
        ]
        return sorted([*kept, *new], key=lambda k: (k.section_a, k.section_b))

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


def _first_free(taken: NDArray[np.int64], n: int) -> int:
    """The first of ``n`` ids that nobody has: above all others, or in a gap where there is no room above."""
    highest = int(taken.max(initial=0))
    if highest <= np.iinfo(np.int64).max - n:
        return highest + 1
    ids = np.unique(np.r_[0, taken])
    return int(ids[np.flatnonzero(np.diff(ids) > n)[0]]) + 1
