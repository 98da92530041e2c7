"""Joining what broke: strands that end where others start, also across sections in which the object is not seen.

A thin process that moves by more than its own width, or hides in a membrane for one section, leaves no overlap to go by. Its
end and its new start tell all the same: where the surroundings moved, how thick it is, how it looks inside, and whether
anything else could go on there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.evidence import CLUES, best_other
from napari_emseg.algorithms.likelihood import network
from napari_emseg.algorithms.strands import Meetings, meetings, merge

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.spatial import KDTree

    from napari_emseg.algorithms.strands import Pieces

REUNITE_FROM = 0.5
"""Probability from which two strands become one."""

REUNITE_ALIKE_FROM = 0.8
"""The same where the image tells how they look: one glial cell looks like the next, and is too easily believed."""

LONGEST_STEP = 3
"""Sections from an end to a start, counted without those that are missing."""

_REACH_RADII = 2.5  # an end looks this far for a start, in sums of both radii ...
_REACH_NM = 80.0  # ... and this much farther
_LEAST_PX = 3.0  # smaller pieces end nowhere
_WEAKEST = -5.0  # log-odds of links that are looked at again
_NONE = -9.0  # log-odds of a link that is not there
_ROUNDS = 8
_CRUMB_PX = 40.0  # strands this small join only ...
_CRUMB_FROM = 0.8  # ... from this probability
_MEMORY = 5  # pieces of a strand that tell how thick and how bright it is there
_SEEN = [CLUES.index(k) for k in ("inside", "core", "motion", "likeness", "claimed_more", "covered_more")]
N_CLUES = 29


@dataclass(frozen=True, slots=True, eq=False)
class Breaks:
    """Pairs of pieces of different strands that may be one object.

    Attributes
    ----------
    u, v : ndarray of int64 (n,)
        Pieces, that of the earlier section first.
    clues : ndarray of float64 (n, N_CLUES)
    """

    u: NDArray[np.int64]
    v: NDArray[np.int64]
    clues: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Joints:
    """Where strands were joined.

    Attributes
    ----------
    u, v : ndarray of int64 (n,)
        Pieces, that of the earlier section first.
    probability : ndarray of float64 (n,)
        That they are one object.
    """

    u: NDArray[np.int64]
    v: NDArray[np.int64]
    probability: NDArray[np.float64]


def reunite(pieces: Pieces, group: NDArray[np.int64]) -> tuple[NDArray[np.int64], Joints]:
    """Join strands that one object broke into.

    Parameters
    ----------
    pieces : Pieces
    group : ndarray of int64 (n,)
        Strand of every piece, from `napari_emseg.algorithms.strands.join`.

    Returns
    -------
    group : ndarray of int64 (n,)
        Group of every piece, named by its first piece.
    joints : Joints
    """
    pieces = pieces.strong
    strand = np.unique(group, return_inverse=True)[1].astype(np.int64)
    joints = []
    drift = Drift(pieces)
    for _ in range(_ROUNDS):
        found = breaks(pieces, strand, drift)
        chance = 1 / (1 + np.exp(-network("reunion").log_odds(found.clues)))
        joined, at = merged(pieces, strand, found, chance)
        if not at.size:
            break
        strand = joined
        joints.append(np.stack([found.u[at], found.v[at], chance[at]]))
    first = np.full(int(strand.max(initial=-1)) + 1, strand.size)
    np.minimum.at(first, strand, np.arange(strand.size))
    u, v, probability = np.concatenate([np.zeros((3, 0)), *joints], axis=1)
    return first[strand], Joints(u.astype(np.int64), v.astype(np.int64), probability)


def merged(
    pieces: Pieces, strand: NDArray[np.int64], found: Breaks, chance: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Join the likeliest pairs of strands, each strand once; a large one takes in many small ones.

    Parameters
    ----------
    pieces : Pieces
    strand : ndarray of int64
        Of every piece, from 0.
    found : Breaks
    chance : ndarray of float64
        That each pair of ``found`` is one object.

    Returns
    -------
    strand : ndarray of int64
        The same, numbered anew from 0.
    at : ndarray of int64
        Pairs of ``found`` at which strands were joined.
    """
    n = int(strand.max(initial=-1)) + 1
    anchor = np.zeros(n, np.int64)
    np.maximum.at(anchor, strand, pieces.anchor)
    one, two = strand[found.u], strand[found.v]
    key, pair = np.unique(np.minimum(one, two) * n + np.maximum(one, two), return_inverse=True)
    a, b = key // max(n, 1), key % max(n, 1)
    order = np.lexsort((-chance, pair))
    at = order[np.diff(pair[order], prepend=-1) > 0]
    best = chance[at]
    volume = np.bincount(strand, pieces.area, n)
    smaller, larger = np.where(volume[a] < volume[b], [a, b], [b, a])
    apart = (anchor[a] > 0) & (anchor[b] > 0) & (anchor[a] != anchor[b])
    is_seen = found.clues[at, -1] > 0
    needed = np.where(is_seen, REUNITE_ALIKE_FROM, REUNITE_FROM)
    needed = np.where(volume[smaller] < _CRUMB_PX, np.maximum(needed, _CRUMB_FROM), needed)
    best = np.where(apart | (best < needed), 0.0, best)
    likely = Meetings(a, b, np.zeros((key.size, 0)), smaller, larger, volume[smaller] / volume[larger])
    joined = merge(likely, best, strand, REUNITE_FROM, anchor)
    became = np.zeros(n, np.int64)
    became[strand] = joined
    return joined, at[(best > 0) & (became[a] == became[b])]


class Drift:
    """How far the surroundings of pieces move within some sections; what was looked up once is kept.

    Parameters
    ----------
    pieces : Pieces
    """

    def __init__(self, pieces: Pieces) -> None:
        n = pieces.section.size
        self._pieces = pieces
        depth = int(pieces.section.max(initial=-1)) + 1
        self._bounds = np.searchsorted(pieces.section, np.arange(depth + 1))
        self._total = np.full((LONGEST_STEP, n, 2), np.nan)
        self._total[0] = pieces.move
        self._tree = cache(self._tree_of)

    def after(self, steps: int, u: NDArray[np.int64]) -> NDArray[np.float64]:
        """Of pieces ``u`` within so many sections, (n, 2) in pixels."""
        for step in range(1, steps):
            new = np.unique(u[np.isnan(self._total[step, u, 0])])
            for z in np.unique(self._pieces.section[new]).tolist():
                here = new[self._pieces.section[new] == z]
                so_far = self._total[step - 1, here]
                self._total[step, here] = so_far + self._at(z + step, self._pieces.place[here] + so_far)
        return np.asarray(self._total[steps - 1, u])

    def _at(self, z: int, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """How the surroundings of places in a section move on: like the nearest object."""
        start, stop = self._bounds[z : z + 2]
        if start == stop:
            return np.zeros_like(place)
        return np.asarray(self._pieces.move[start + self._tree(z).query(place)[1]])

    def _tree_of(self, z: int) -> KDTree:
        from scipy.spatial import KDTree

        return KDTree(self._pieces.place[self._bounds[z] : self._bounds[z + 1]])


def breaks(pieces: Pieces, strand: NDArray[np.int64], drift: Drift | None = None) -> Breaks:
    """Find and measure the pairs of pieces at which strands may be one.

    Parameters
    ----------
    pieces : Pieces
    strand : ndarray of int64 (n,)
        Of every piece, from 0.
    drift : Drift, optional
        Of the same pieces, where it is at hand.
    """
    drift = Drift(pieces) if drift is None else drift
    n = strand.size
    together = (strand[pieces.u] == strand[pieces.v]) & (pieces.log_odds > _WEAKEST)
    is_end, is_start = np.ones(n, bool), np.ones(n, bool)
    is_end[pieces.u[together]] = False
    is_start[pieces.v[together]] = False
    large = pieces.area >= _LEAST_PX
    apart = (strand[pieces.u] != strand[pieces.v]) & (pieces.log_odds >= _WEAKEST)
    apart &= is_end[pieces.u] | is_start[pieces.v]
    linked = np.flatnonzero(apart)
    near_u, near_v = _near(pieces, strand, is_end & large, is_start & large, drift)
    new = ~np.isin(near_u * n + near_v, pieces.u * n + pieces.v)
    u, v = np.r_[pieces.u[linked], near_u[new]], np.r_[pieces.v[linked], near_v[new]]
    link = np.r_[linked, np.full(int(new.sum()), -1)]
    return Breaks(u, v, _clues(pieces, strand, u, v, link, is_end, is_start, drift))


def _near(
    pieces: Pieces,
    strand: NDArray[np.int64],
    is_end: NDArray[np.bool_],
    is_start: NDArray[np.bool_],
    drift: Drift,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ends, and the starts near where their surroundings went."""
    from scipy.spatial import KDTree

    found_u, found_v = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    depth = int(pieces.section.max(initial=-1)) + 1
    members = np.split(np.arange(strand.size), np.searchsorted(pieces.section, np.arange(1, depth)))
    radius = np.sqrt(pieces.area / np.pi)
    for z, here in enumerate(members):
        ends = here[is_end[here]]
        for step in range(1, min(LONGEST_STEP, pieces.max_gap + 1, depth - 1 - z) + 1):
            starts = members[z + step][is_start[members[z + step]]]
            if not starts.size or not ends.size:
                continue
            place = pieces.place[ends] + drift.after(step, ends)
            tree = KDTree(pieces.place[starts])
            # No end reaches farther than to a start of its own size and half.
            reach = _REACH_RADII * 2.5 * radius[ends] + _REACH_NM / pieces.pixel_nm
            lists = tree.query_ball_point(place, reach)
            u = np.repeat(ends, [len(k) for k in lists])
            v = starts[np.concatenate([np.zeros(0, np.int64), *lists]).astype(np.int64)]
            at = np.repeat(place, [len(k) for k in lists], axis=0)
            apart = np.hypot(*(pieces.place[v] - at).T)
            near = apart <= _REACH_RADII * (radius[u] + radius[v]) + _REACH_NM / pieces.pixel_nm
            near &= (strand[u] != strand[v]) & (apart * pieces.pixel_nm <= step * pieces.max_shift_nm)
            found_u.append(u[near])
            found_v.append(v[near])
    return np.concatenate(found_u), np.concatenate(found_v)


def _clues(
    pieces: Pieces,
    strand: NDArray[np.int64],
    u: NDArray[np.int64],
    v: NDArray[np.int64],
    link: NDArray[np.int64],
    is_end: NDArray[np.bool_],
    is_start: NDArray[np.bool_],
    drift: Drift,
) -> NDArray[np.float64]:
    """What is known about pairs of pieces, (n, N_CLUES)."""
    step = pieces.section[v] - pieces.section[u]
    # The last row stands for pairs without a link.
    odds = np.append(pieces.log_odds, _NONE)[link]
    seen = np.concatenate([pieces.clues[:, _SEEN], np.zeros((1, len(_SEEN)), np.float32)])[link]
    area_u, area_v = pieces.area[u], pieces.area[v]
    radii = np.sqrt(area_u / np.pi) + np.sqrt(area_v / np.pi)
    own = _own_moves(pieces, strand)
    moved = pieces.place[v] - pieces.place[u]
    for k in range(1, LONGEST_STEP + 1):
        moved[step == k] -= drift.after(k, u[step == k])
    apart = np.hypot(*moved.T)
    beyond = np.minimum(
        np.hypot(*(moved - own[0][u] * step[:, None]).T), np.hypot(*(moved - own[1][v] * step[:, None]).T)
    )
    closeness = np.log(apart / radii + 0.1)
    other_u, other_v = _nearest_other(u, closeness, strand.size), _nearest_other(v, closeness, strand.size)
    odds_u, odds_v = _best_other(u, odds, strand.size), _best_other(v, odds, strand.size)
    depth = int(pieces.section.max(initial=0)) + 1
    span = np.bincount(np.unique(strand * depth + pieces.section) // depth)
    span_u, span_v = span[strand[u]], span[strand[v]]
    usual_u, usual_v = _usual(pieces, strand, backwards=True)[u], _usual(pieces, strand, backwards=False)[v]
    volume = np.bincount(strand, pieces.area)
    smaller = np.minimum(volume[strand[u]], volume[strand[v]])
    look = np.abs(usual_u[:, 1:] - usual_v[:, 1:])
    looked = np.abs(pieces.texture[u] - pieces.texture[v])
    is_seen = np.isfinite(look).all(1) & np.isfinite(looked).all(1)
    look, looked = (np.where(is_seen[:, None], k, 0) for k in (look, looked))
    columns = [
        odds, _met(pieces, strand, u, v), closeness, np.log(beyond / radii + 0.1),
        np.log(apart * pieces.pixel_nm + 1), -np.abs(np.log(area_u / area_v)), np.log(np.minimum(area_u, area_v)),
        np.log(smaller * pieces.pixel_nm**2), step, is_end[u] & is_start[v], is_end[u] ^ is_start[v],
        np.log(np.minimum(span_u, span_v)), np.log(np.maximum(span_u, span_v)),
        np.maximum(other_u, other_v) - closeness, np.minimum(other_u, other_v) - closeness,
        np.maximum(odds_u, odds_v), np.minimum(odds_u, odds_v),
        (pieces.rim[u] > 0) | (pieces.rim[v] > 0), -np.abs(usual_u[:, 0] - usual_v[:, 0]),
        *seen.T, look[:, 0], looked[:, 0], look[:, 1], is_seen,
    ]  # fmt: skip
    return np.column_stack(columns).astype(np.float64)


def _own_moves(pieces: Pieces, strand: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How a strand moved besides its surroundings in the last sections up to each piece, and in the next ones."""
    inside = (strand[pieces.u] == strand[pieces.v]) & (pieces.log_odds > 0)
    u, v = pieces.u[inside], pieces.v[inside]
    weight = np.sqrt(np.minimum(pieces.area[u], pieces.area[v]))
    moved = pieces.place[v] - pieces.place[u] - pieces.move[u]
    n = strand.size
    results = []
    for here, there in ((v, u), (u, v)):
        total = np.maximum(np.bincount(here, weight, n), 1e-9)
        mean = np.stack([np.bincount(here, weight * moved[:, k], n) / total for k in (0, 1)], 1)
        further = mean.copy()
        for _ in range(2):
            carried = np.stack([np.bincount(here, weight * further[there, k], n) / total for k in (0, 1)], 1)
            further = 0.5 * mean + 0.5 * carried
        results.append(further)
    return results[0], results[1]


def _usual(pieces: Pieces, strand: NDArray[np.int64], *, backwards: bool) -> NDArray[np.float64]:
    """Logarithm of the area, and the look, of the sections of a strand up to each piece, or from it on: (n, 3)."""
    n = strand.size
    inside = strand[pieces.u] == strand[pieces.v]
    inside &= pieces.log_odds > 0
    here, there = (pieces.v[inside], pieces.u[inside]) if backwards else (pieces.u[inside], pieces.v[inside])
    values = np.column_stack([np.log(pieces.area), pieces.texture]).astype(np.float64)
    own_weight = np.sqrt(pieces.area)
    weight = own_weight.copy()
    mean = values.copy()
    for _ in range(_MEMORY):
        share = 0.7 * weight[there]
        total = own_weight + np.bincount(here, share, n)
        mean = np.stack(
            [
                (own_weight * values[:, k] + np.bincount(here, share * mean[there, k], n)) / total
                for k in range(values.shape[1])
            ],
            axis=1,
        )
        weight = np.minimum(total, 6 * own_weight + 1e-9)
    return mean


def _met(
    pieces: Pieces, strand: NDArray[np.int64], u: NDArray[np.int64], v: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Log-odds that the two strands are one, from `strands.meetings`."""
    found = meetings(pieces, strand)
    if not found.a.size:
        return np.full(u.size, _NONE)
    odds = network("strands").log_odds(found.clues)
    n = int(strand.max(initial=-1)) + 1
    key = found.a * n + found.b
    one, two = strand[u], strand[v]
    wanted = np.minimum(one, two) * n + np.maximum(one, two)
    at = np.minimum(np.searchsorted(key, wanted), key.size - 1)
    return np.asarray(np.where(key[at] == wanted, np.clip(odds[at], _NONE, -_NONE), _NONE))


def _nearest_other(end: NDArray[np.int64], apart: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """For every pair the closeness of the nearest other pair with the same piece, or what is far."""
    return -_best_other(end, -np.minimum(apart, 2.0), n, -2.0)


def _best_other(
    end: NDArray[np.int64], value: NDArray[np.float64], n: int, nothing: float = _NONE
) -> NDArray[np.float64]:
    """For every pair the highest value among the other pairs of the same piece."""
    return np.maximum(best_other(end, value - nothing, n) + nothing, nothing)
