"""Exchanging continuations where strands end and others start: the least surprising assignment of a whole neighbourhood.

A thin process that steps aside by its width comes to lie where its neighbour was, and overlap hands it the neighbour's
continuation. Then one strand ends in mid-tissue, another one starts there, and between them lies a chain of wrong links.
Neurites hardly ever end in mid-tissue, so the assignment in which nothing ends is looked for; whether it is believed depends
on how long and thick the strands are, how far they would have moved, and how often strands end in this stack at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.assignment import assign
from napari_emseg.algorithms.reunion import Joints

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.algorithms.strands import Pieces

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

EXCHANGE_FROM = 0.75
"""Probability from which continuations are exchanged: in tissue where much ends, wrong ones cost more than right ones gain."""

N_CLUES = 8
SHORTEST = 3
"""Sections of a strand that ends or starts: crumbs come and go."""

# Logistic regression by `tools/fit_exchange.py`: intercept, and one weight per clue.
_INTERCEPT = 1.0537
_WEIGHTS = np.array([0.2256, 0.6458, -0.876, -0.7872, -0.0946, -0.3742, -0.2687, -0.061])

_DEAR = 6.0  # log-odds that a link may lack before an end and a start are likelier
_REACH_NM = 120.0  # from where the surroundings of a piece went to a piece without overlap
_AROUND_NM = 500.0  # how far from an end or a start links may be exchanged
_APART, _STEP, _SIZES = (
    -2.0,
    -1.5,
    -1.0,
)  # log-odds of pairs without overlap: in contact, per sum of radii, per e-fold of area
_UNKNOWN = -3.0  # log-odds of a link between strands that no pair of pieces speaks for
_LEAST_PX = 3.0  # smaller pieces end nowhere
_LONG = 8  # sections of strands that tell how often strands end


@dataclass(frozen=True, slots=True, eq=False)
class Exchanges:
    """Ways to link one end and one start, each by giving some continuations to others.

    Attributes
    ----------
    clues : ndarray of float64 (n, N_CLUES)
    end, begin : ndarray of int64 (n,)
        The pieces at which a strand ends and another one starts.
    u, v, of : ndarray of int64 (m,)
        Links to be made, the piece of the earlier section first, and the exchange of each.
    old_u, old_v, old_of : ndarray of int64 (k,)
        Links to be cut, the same.
    """

    clues: Floats
    end: Ints
    begin: Ints
    u: Ints
    v: Ints
    of: Ints
    old_u: Ints
    old_v: Ints
    old_of: Ints


def exchange(pieces: Pieces, group: Ints) -> tuple[Ints, Joints]:
    """Exchange continuations so that fewer strands end and start.

    Parameters
    ----------
    pieces : Pieces
    group : ndarray of int64 (n,)
        Strand of every piece, from `napari_emseg.algorithms.reunion.reunite`.

    Returns
    -------
    group : ndarray of int64 (n,)
        Group of every piece, named by its first piece.
    joints : Joints
        The new links.
    """
    pieces = pieces.strong
    found = alternatives(pieces, group)
    chance = probability(found.clues)
    return exchanged(pieces, group, found, chance)


def probability(clues: Floats) -> Floats:
    """That an exchange is right, (n,)."""
    return np.asarray(1 / (1 + np.exp(-_INTERCEPT - clues @ _WEIGHTS)))


def alternatives(pieces: Pieces, group: Ints) -> Exchanges:
    """The exchanges that take away one end and one start each.

    Parameters
    ----------
    pieces : Pieces
    group : ndarray of int64 (n,)
        Strand of every piece.

    Notes
    -----
    Between two sections, strands with one piece in either section and those that end or start take part. The optimal
    assignment of their log-odds, with a high price for ends, differs from what is linked in paths and cycles; paths from an
    end to a start are returned.
    """
    strands = _Strands(pieces, group)
    links = _links(pieces, strands)
    changed = np.flatnonzero(links.is_best != links.is_made)
    path = _paths(links.u[changed], links.v[changed])
    made, best = links.is_made[changed], links.is_best[changed]
    n = int(path.max(initial=-1)) + 1
    wins = np.bincount(path[best], minlength=n) - np.bincount(path[made], minlength=n) == 1
    number = np.where(wins, np.cumsum(wins) - 1, -1)[path]
    new, old = (changed[k & (number >= 0)] for k in (best, made))
    of, old_of = number[best & (number >= 0)], number[made & (number >= 0)]
    end, begin = np.zeros(int(wins.sum()), np.int64), np.zeros(int(wins.sum()), np.int64)
    ends, begins = strands.is_end[links.u[new]], strands.is_start[links.v[new]]
    end[of[ends]] = links.u[new[ends]]
    begin[of[begins]] = links.v[new[begins]]
    clues = _clues(pieces, strands, links, end, begin, (new, of), (old, old_of))
    ways = (links.u[new], links.v[new], of, links.u[old], links.v[old], old_of)
    return Exchanges(clues, end, begin, *ways)


def exchanged(pieces: Pieces, group: Ints, found: Exchanges, chance: Floats) -> tuple[Ints, Joints]:
    """Make the likely exchanges, save those that would join what anchors keep apart.

    Parameters
    ----------
    pieces : Pieces
    group : ndarray of int64 (n,)
    found : Exchanges
    chance : ndarray of float64
        That each of them is right.
    """
    wanted = chance >= EXCHANGE_FROM
    while True:
        part = _cut(pieces, group, found.old_v[wanted[found.old_of]])
        use = np.flatnonzero(wanted[found.of])
        use = use[np.argsort(-chance[found.of[use]], kind="stable")]
        whole, refused = _joined(part, found.u[use], found.v[use], pieces.anchor)
        if refused < 0:
            break
        wanted[found.of[use[refused]]] = False
    first = np.full(int(whole.max(initial=-1)) + 1, group.size)
    np.minimum.at(first, whole, np.arange(group.size))
    return first[whole], Joints(found.u[use], found.v[use], chance[found.of[use]])


class _Strands:
    """Where strands run, end and start."""

    def __init__(self, pieces: Pieces, group: Ints) -> None:
        self.pieces = pieces
        self.of = np.unique(group, return_inverse=True)[1].astype(np.int64)
        section = pieces.section - (pieces.section[0] if group.size else 0)  # sections are in order
        self.section, n = section, int(self.of.max(initial=-1)) + 1
        self.depth = int(section.max(initial=-1)) + 1
        self.first, self.last = np.full(n, self.depth), np.full(n, -1)
        np.minimum.at(self.first, self.of, section)
        np.maximum.at(self.last, self.of, section)
        self.span = self.last - self.first + 1
        key = self.of * self.depth + section
        self._cells, at, count = np.unique(key, return_inverse=True, return_counts=True)
        self._piece = np.zeros(self._cells.size, np.int64)
        self._piece[at] = np.arange(section.size)
        self.alone = (count[at] == 1) & (pieces.area >= _LEAST_PX)
        lasts = self.alone & (self.span[self.of] >= SHORTEST)
        self.is_end = lasts & (self.last[self.of] == section) & (section < self.depth - 1)
        self.is_start = lasts & (self.first[self.of] == section) & (section > 0)

    @cached_property
    def after(self) -> Ints:
        """For every piece that is alone in its section the one that is so in the next, or -1: links that may be cut."""
        section = self.section
        wanted = self.of * self.depth + section + 1
        at = np.minimum(np.searchsorted(self._cells, wanted), max(self._cells.size - 1, 0))
        after = np.where(self._cells[at] == wanted, self._piece[at], -1) if at.size else at
        after = np.where(self.alone & (section < self.depth - 1), after, -1)
        after = np.where((after >= 0) & self.alone[after], after, -1)
        # Between two anchors of one strand nothing is open.
        true = np.flatnonzero(self.pieces.anchor > 0)
        low, high = np.full(self.first.size, self.depth), np.full(self.first.size, -1)
        np.minimum.at(low, self.of[true], section[true])
        np.maximum.at(high, self.of[true], section[true])
        is_fixed = (low[self.of] <= section) & (high[self.of] > section)
        return np.asarray(np.where(is_fixed, -1, after), np.int64)

    @cached_property
    def thickness(self) -> Floats:
        """Logarithm of the median area of the pieces of every strand in nm^2."""
        order = np.lexsort((self.pieces.area, self.of))
        count = np.bincount(self.of)
        middle = np.cumsum(count) - count + count // 2
        return np.asarray(np.log(self.pieces.area[order[middle]] * self.pieces.pixel_nm**2))

    @property
    def ends_per_section(self) -> float:
        """How often long strands end or start within the stack, for every section that they run through."""
        long = self.span >= _LONG
        inside = (long & (self.last < self.depth - 1)).sum() + (long & (self.first > 0)).sum()
        return float((inside + 1) / (self.span[long].sum() + 10))


@dataclass(frozen=True, slots=True, eq=False)
class _Links:
    """Pairs of pieces of neighbouring sections: log-odds, those that are linked, those that would be best; (n,) each."""

    u: Ints
    v: Ints
    odds: Floats
    is_made: Flags
    is_best: Flags


def _links(pieces: Pieces, strands: _Strands) -> _Links:
    """All pairs that may be linked around ends and starts, and the best assignment."""
    depth, after = strands.depth, strands.after
    before = np.zeros(after.size, np.bool_)
    before[after[after >= 0]] = True
    bounds = np.searchsorted(strands.section, np.arange(depth + 1))
    order = np.argsort(strands.section[pieces.u], kind="stable")
    cuts = np.searchsorted(strands.section[pieces.u][order], np.arange(depth + 1))
    parts: list[tuple[NDArray[np.generic], ...]] = []
    for z in range(depth - 1):
        here, there = (np.arange(*bounds[k : k + 2]) for k in (z, z + 1))
        ends, starts = here[strands.is_end[here]], there[strands.is_start[there]]
        if not ends.size or not starts.size:
            continue
        is_free = np.zeros(after.size, np.bool_)
        spots = np.concatenate([pieces.place[ends] + pieces.move[ends], pieces.place[starts]])
        movers = here[(after[here] >= 0) | strands.is_end[here]]
        is_free[_near(movers, pieces.place[movers] + pieces.move[movers], spots, pieces.pixel_nm)] = True
        held = after[here[is_free[here]]]
        is_free[held[held >= 0]] = True
        is_free[starts] = True
        # A link is free with both its ends.
        u, v, odds = _pairs(pieces, order[cuts[z] : cuts[z + 1]], here[is_free[here]], there[is_free[there]])
        made = after[u] == v
        known = np.zeros(after.size, np.bool_)
        known[u[made]] = True
        lacking = here[is_free[here] & (after[here] >= 0) & ~known[here]]
        u, v = np.r_[u, lacking], np.r_[v, after[lacking]]
        odds, made = np.r_[odds, np.full(lacking.size, _UNKNOWN)], np.r_[made, np.ones(lacking.size, bool)]
        best = np.zeros(u.size, np.bool_)
        best[assign(u - bounds[z], v - bounds[z + 1], -odds, here.size, there.size, _DEAR)] = True
        parts.append((u, v, odds, made, best))
    kinds = (np.int64, np.int64, np.float64, np.bool_, np.bool_)
    columns = zip(kinds, *parts, strict=True) if parts else ((k,) for k in kinds)
    return _Links(*(np.concatenate([np.zeros(0, kind), *rest]).astype(kind) for kind, *rest in columns))


def _near(which: Ints, place: Floats, spots: Floats, pixel_nm: float) -> Ints:
    """Those of some pieces that lie around spots."""
    from scipy.spatial import KDTree

    return np.asarray(which[KDTree(spots).query(place)[0] <= _AROUND_NM / pixel_nm])


def _pairs(pieces: Pieces, linked: NDArray[np.intp], one: Ints, two: Ints) -> tuple[Ints, Ints, Floats]:
    """Pairs of pieces ``one`` and ``two`` that overlap (numbers of ``linked`` pairs) or are near, with their log-odds."""
    from scipy.spatial import KDTree

    n = pieces.area.size
    keep = linked[np.isin(pieces.u[linked], one) & np.isin(pieces.v[linked], two)]
    reach_px = min(_REACH_NM, pieces.max_shift_nm) / pieces.pixel_nm
    lists = KDTree(pieces.place[two]).query_ball_point(
        pieces.place[one] + pieces.move[one], np.full(one.size, reach_px)
    )
    u = np.repeat(one, [len(k) for k in lists])
    v = two[np.concatenate([np.zeros(0, np.int64), *lists]).astype(np.int64)]
    new = ~np.isin(u * n + v, pieces.u[keep] * n + pieces.v[keep])
    u, v = np.r_[pieces.u[keep], u[new]], np.r_[pieces.v[keep], v[new]]
    apart, radii = _steps(pieces, u, v)
    near = _APART + _STEP * apart / radii + _SIZES * np.abs(np.log(pieces.area[u] / pieces.area[v]))
    overlap = np.r_[pieces.log_odds[keep], np.full(int(new.sum()), -np.inf)]
    return u, v, np.where(apart <= reach_px, np.maximum(near, overlap), overlap)


def _steps(pieces: Pieces, u: Ints, v: Ints) -> tuple[Floats, Floats]:
    """How far from where its surroundings went a piece would have moved, and the sum of both radii, in pixels."""
    apart = np.hypot(*(pieces.place[v] - pieces.place[u] - pieces.move[u]).T)
    return apart, np.sqrt(pieces.area[u] / np.pi) + np.sqrt(pieces.area[v] / np.pi)


def _paths(u: Ints, v: Ints) -> Ints:
    """Number of the connected part that every link belongs to; ends and starts are different even where both are one piece."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not u.size:
        return u
    n = int(max(u.max(), v.max())) + 1
    graph = coo_array((np.ones(u.size), (u, v + n)), shape=(2 * n, 2 * n))
    return np.unique(connected_components(graph, directed=False)[1][u], return_inverse=True)[1].astype(
        np.int64
    )


def _clues(
    pieces: Pieces,
    strands: _Strands,
    links: _Links,
    end: Ints,
    begin: Ints,
    new: tuple[NDArray[np.intp], Ints],
    old: tuple[NDArray[np.intp], Ints],
) -> Floats:
    """What is known about exchanges, (n, N_CLUES)."""
    one, two = strands.of[end], strands.of[begin]
    span_one, span_two = np.log(strands.span[one]), np.log(strands.span[two])
    thick_one, thick_two = strands.thickness[one], strands.thickness[two]
    apart, radii = _steps(pieces, links.u[new[0]], links.v[new[0]])
    farthest, surest = np.full(end.size, -np.inf), np.full(end.size, -9.0)
    np.maximum.at(farthest, new[1], np.log(apart / radii + 0.1))
    np.maximum.at(surest, old[1], links.odds[old[0]])
    columns = [
        np.minimum(span_one, span_two), np.maximum(span_one, span_two), farthest,
        np.full(end.size, np.log(strands.ends_per_section)), np.abs(thick_one - thick_two),
        np.maximum(thick_one, thick_two), np.minimum(thick_one, thick_two), np.maximum(surest, -9.0),
    ]  # fmt: skip
    return np.column_stack(columns).astype(np.float64)


def _cut(pieces: Pieces, group: Ints, before: Ints) -> Ints:
    """Strands from 0, cut before some of their pieces."""
    strand = np.unique(group, return_inverse=True)[1].astype(np.int64)
    depth = int(pieces.section.max(initial=-1)) + 1
    place = strand * depth + pieces.section
    key = np.sort(place[before])
    # Cuts up to a piece, less those of strands before its own.
    cuts = np.searchsorted(key, place, side="right") - np.searchsorted(key, strand * depth)
    return np.unique(strand * (depth + 1) + cuts, return_inverse=True)[1].astype(np.int64)


def _joined(part: Ints, u: Ints, v: Ints, anchor: Ints) -> tuple[Ints, int]:
    """Parts joined by links, and the first link that would join two anchors, or -1."""
    n = int(part.max(initial=-1)) + 1
    host, true = list(range(n)), np.zeros(n, np.int64)
    np.maximum.at(true, part, anchor)

    def root(k: int) -> int:
        while host[k] != k:
            host[k] = host[host[k]]
            k = host[k]
        return k

    for at, (one, two) in enumerate(zip(part[u].tolist(), part[v].tolist(), strict=True)):
        a, b = root(one), root(two)
        if true[a] and true[b] and true[a] != true[b]:
            return part, at
        host[b] = a
        true[a] = max(true[a], true[b])
    return np.array([root(k) for k in range(n)], np.int64)[part], -1
