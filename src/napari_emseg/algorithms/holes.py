"""Objects that a section does not show although nothing else is in their place: behind such a hole they go on.

section 4     section 5     section 6
. 1 1 . 2     . . . . 2     . . 3 3 2
. 1 1 . 2     . . . . 2     . . 3 3 2         1 and 3 are one: what 1 left empty, 3 takes up again
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.assignment import assign
from napari_emseg.algorithms.joining import contract
from napari_emseg.algorithms.likelihood import log_odds
from napari_emseg.algorithms.reunion import LONGEST_STEP, Joints
from napari_emseg.algorithms.strands import Pieces, with_links

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_emseg.algorithms.evidence import Objects
    from napari_emseg.algorithms.matching import Candidates

LONGEST_HOLE = LONGEST_STEP - 1
"""Sections that may not show an object."""

_EMPTY = 0.8  # of the place of an object, and nothing takes the rest for more than an overlap of borders
_LEAST_PX = 3.0
_LEAST_OVERLAP = 0.3  # common over joint area of what is looked at
_LEAST_SURE, _SUREST = 0.65, 0.95


@dataclass(slots=True)
class _Waiting:
    """An object whose place is empty.

    Attributes
    ----------
    section, number : int
        Where it was seen last, and which object of that section it is, from 0.
    pixels : ndarray of float64 (n, 2)
        Where its pixels (y, x) would lie in the section looked at last.
    missing : int
        Sections that did not show it.
    """

    section: int
    number: int
    pixels: NDArray[np.float64]
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Hole:
    """Two objects on both sides of a hole.

    Attributes
    ----------
    section_a, a : int
        Section, and number of the object in it, from 0.
    section_b, b : int
        The same behind the hole.
    overlap : float
        Common over joint area, with the motion in between taken out.
    """

    section_a: int
    a: int
    section_b: int
    b: int
    overlap: float


class HoleFinder:
    """Follows what disappears into nothing through the next sections.

    Parameters
    ----------
    longest : int
        Sections that may not show an object; see `LONGEST_HOLE`.
    """

    def __init__(self, longest: int = LONGEST_HOLE) -> None:
        self._longest = min(longest, LONGEST_HOLE)
        self._waiting: list[_Waiting] = []
        self.found: list[Hole] = []

    def forget(self) -> None:
        """Behind a gap that is too wide nothing is awaited any more."""
        self._waiting = []

    def look(self, sections: tuple[int, int], one: Objects, two: Objects, links: Candidates) -> None:
        """Look at the next section.

        Parameters
        ----------
        sections : (int, int)
            Numbers of the last section and of this one.
        one, two : Objects
            Their objects.
        links : Candidates
            All pairs between the two.
        """
        if self._longest < 1:
            return
        for each in self._waiting:
            each.pixels = each.pixels + _move_at(each.pixels.mean(axis=0), one, links)
        starts = _free(two, links.bare_b)
        goes_on = self._match(sections[1], two, starts)
        self._waiting = [
            each
            for n, each in enumerate(self._waiting)
            if n not in goes_on and each.missing < self._longest and _is_empty(each.pixels, two.dense)
        ]
        for each in self._waiting:
            each.missing += 1
        for number, places in _pixels_of(one.dense, _free(one, links.bare_a)):
            pixels = places + links.moves[number]
            if _is_empty(pixels, two.dense):
                self._waiting.append(_Waiting(sections[0], number, pixels, 1))

    def _match(self, section: int, two: Objects, starts: NDArray[np.bool_]) -> set[int]:
        """Find what waits among the objects that start; which of those that wait goes on."""
        if not self._waiting or not starts.any():
            return set()
        row, column, overlap = [], [], []
        for n, each in enumerate(self._waiting):
            there, counts = np.unique(_under(each.pixels, two.dense), return_counts=True)
            for k, shared in zip((there.astype(np.int64) - 1).tolist(), counts.tolist(), strict=True):
                if k >= 0 and starts[k]:
                    row.append(n)
                    column.append(k)
                    overlap.append(shared / (len(each.pixels) + two.area[k] - shared))
        a, b, alike = np.array(row, np.int64), np.array(column, np.int64), np.array(overlap, np.float64)
        chosen = assign(a, b, 1 - alike, len(self._waiting), two.ids.size, (1 - _LEAST_OVERLAP) / 2)
        for k in chosen.tolist():
            lost = self._waiting[a[k]]
            self.found.append(Hole(lost.section, lost.number, section, int(b[k]), float(alike[k])))
        return set(a[chosen].tolist())


def bridge(
    pieces: Pieces, group: NDArray[np.int64], holes: Sequence[Hole], start: NDArray[np.int64]
) -> tuple[Pieces, NDArray[np.int64], Joints]:
    """Join what goes on behind holes.

    Parameters
    ----------
    pieces : Pieces
    group : ndarray of int64 (n,)
        Strand of every piece, from `napari_emseg.algorithms.strands.join`.
    holes : sequence of Hole
    start : ndarray of int64
        Number of the first piece of every section.

    Returns
    -------
    pieces : Pieces
        With the new links.
    group : ndarray of int64 (n,)
        Named by first pieces.
    joints : Joints
    """
    if not holes:
        none = np.zeros(0, np.int64)
        return pieces, group, Joints(none, none, np.zeros(0))
    ends = np.array([(start[h.section_a] + h.a, start[h.section_b] + h.b) for h in holes], np.int64)
    u, v = ends.T
    chance = sureness(np.array([hole.overlap for hole in holes], np.float64))
    anchor = np.zeros(group.size, np.int64)
    np.maximum.at(anchor, group, pieces.anchor)
    one, two = group[u], group[v]
    joined = contract(one, two, log_odds(chance), np.ones(len(holes)), group.size, anchor)
    made = (joined[one] == joined[two]) & (one != two)
    joints = Joints(u[made], v[made], chance[made])
    shared = np.minimum(pieces.area[joints.u], pieces.area[joints.v])
    known = with_links(pieces, joints.u, joints.v, log_odds(joints.probability), shared)
    return known, joined[group], joints


def sureness(overlap: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that two objects with this overlap across a hole are one.

    Of 118 in phantoms from which objects were left out all were right; in whole phantoms, where thin processes hide in
    membranes, 1 of 2 that shared more than a third, and of those that shared less half.
    """
    return np.minimum(_SUREST, _LEAST_SURE + overlap - _LEAST_OVERLAP)


def _free(objects: Objects, bare: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Objects that the other section does not cover."""
    return bare & (objects.area >= _LEAST_PX)


def _pixels_of(
    dense: NDArray[np.uint32], wanted: NDArray[np.bool_]
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Numbers of some objects of a section, from 0, and their pixels (y, x), (n, 2)."""
    if not wanted.any():
        return
    places = np.argwhere(np.r_[False, wanted][dense])
    number = dense[tuple(places.T)].astype(np.int64) - 1
    order = np.argsort(number, kind="stable")
    first = np.flatnonzero(np.diff(number[order], prepend=-1))
    yield from zip(number[order][first].tolist(), np.split(places[order], first[1:]), strict=True)


def _move_at(place: NDArray[np.float64], one: Objects, links: Candidates) -> NDArray[np.float64]:
    """How the surroundings of a place move on: like the nearest object."""
    nearest = int(np.argmin(np.hypot(*(one.centre - place).T)))
    return np.asarray(links.moves[nearest])


def _under(pixels: NDArray[np.float64], dense: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """What lies under pixels, as far as they are within the section."""
    y, x = np.rint(pixels).astype(np.int64).T
    inside = (y >= 0) & (x >= 0) & (y < dense.shape[0]) & (x < dense.shape[1])
    return np.asarray(dense[y[inside], x[inside]])


def _is_empty(pixels: NDArray[np.float64], dense: NDArray[np.uint32]) -> bool:
    """Whether nothing is in a place; what has left the picture has no place."""
    return bool((_under(pixels, dense) == 0).sum() >= _EMPTY * len(pixels))
