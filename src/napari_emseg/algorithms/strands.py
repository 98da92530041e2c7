"""Joining strands: runs of objects that are certainly one, judged by everything that is known where two of them meet.

What a single overlap cannot tell, two strands can: whether one ends where the other starts, whether they run side by side
through many sections, how thick both are there, and how often they meet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.evidence import CLUES
from napari_emseg.algorithms.joining import contract
from napari_emseg.algorithms.likelihood import network

if TYPE_CHECKING:
    from numpy.typing import NDArray

CERTAIN_BIAS = 3.5
"""Log-odds that an average link of a strand has to beat."""

JOIN_FROM = 0.6
"""Probability from which two strands are joined."""

WEAKEST = -8.0
"""Pairs of objects with lower log-odds are left out."""

_CRUMB_PX = 16.0  # strands this small are cut-off corners of anything around them ...
_CRUMB_FROM = 0.85  # ... and join only if that is nearly certain
_SIDE_BY_SIDE = -4.0  # log-odds that two objects of one section are one that touch along ...
_SIDE_NM = 50.0  # ... at least this: folds of one object touch in points
_ROUNDS = 30
_GUEST = 0.6  # strands smaller than this part of another may join it together with others
_NONE = -9.0  # log-odds of a link that is not there
_SEEN = [
    CLUES.index(k)
    for k in (
        "overlap", "inside", "cover", "depth", "core", "motion", "likeness", "common", "beside_less",
        "beside_more", "claimed_less", "claimed_more", "covered_less", "covered_more",
    )
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pieces:
    """All objects of all sections, and what may join them.

    Attributes
    ----------
    section : ndarray of int64 (n,)
        Of every object, counted without those that are missing; a gap too wide to bridge counts as many.
    area : ndarray of float64 (n,)
        In pixels.
    rim : ndarray of float64 (n,)
        Pixels at the edge of the section.
    u, v : ndarray of int64 (m,)
        Objects of two sections that may be one, the earlier section first.
    log_odds, shared : ndarray of float64 (m,)
        That they are one; extent of what they share in pixels.
    clues : ndarray of float32 (m, len(CLUES))
    side_u, side_v : ndarray of int64 (k,)
        Objects of one section that touch.
    side : ndarray of float64 (k,)
        Along how many pixels.
    anchor : ndarray of int64 (n,)
        Objects with different values other than 0 are not one.
    pixel_nm : float
    place : ndarray of float64 (n, 2)
        Centre (y, x) of every object in pixels.
    move : ndarray of float64 (n, 2)
        How far the surroundings of every object move to the next section, in pixels.
    texture : ndarray of float32 (n, 2)
        See `napari_emseg.algorithms.texture.textures`; NaN where it is not known.
    max_shift_nm : float
        How far an object's centre may move from section to section.
    max_gap : int
        How many sections a link may skip.
    """

    section: NDArray[np.int64]
    area: NDArray[np.float64]
    rim: NDArray[np.float64]
    u: NDArray[np.int64]
    v: NDArray[np.int64]
    log_odds: NDArray[np.float64]
    shared: NDArray[np.float64]
    clues: NDArray[np.float32]
    side_u: NDArray[np.int64]
    side_v: NDArray[np.int64]
    side: NDArray[np.float64]
    anchor: NDArray[np.int64]
    pixel_nm: float
    place: NDArray[np.float64]
    move: NDArray[np.float64]
    texture: NDArray[np.float32]
    max_shift_nm: float = np.inf
    max_gap: int = 2

    @cached_property
    def border(self) -> NDArray[np.float64]:
        """Of every object, along other objects, in pixels."""
        ends, length = np.r_[self.side_u, self.side_v], np.r_[self.side, self.side]
        return np.bincount(ends, length, self.area.size).astype(np.float64)

    @cached_property
    def strong(self) -> Pieces:
        """Without pairs that are hardly possible."""
        keep = self.log_odds >= WEAKEST
        return replace(
            self,
            u=self.u[keep],
            v=self.v[keep],
            log_odds=self.log_odds[keep],
            shared=self.shared[keep],
            clues=self.clues[keep],
        )


def with_links(
    pieces: Pieces,
    u: NDArray[np.int64],
    v: NDArray[np.int64],
    log_odds: NDArray[np.float64],
    shared: NDArray[np.float64],
) -> Pieces:
    """The same with more links, of which nothing else is known; the columns are those of `Pieces`."""
    return replace(
        pieces,
        u=np.r_[pieces.u, u],
        v=np.r_[pieces.v, v],
        log_odds=np.r_[pieces.log_odds, log_odds],
        shared=np.r_[pieces.shared, shared],
        clues=np.concatenate([pieces.clues, np.zeros((len(u), len(CLUES)), np.float32)]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Meetings:
    """Pairs of strands that may be one.

    Attributes
    ----------
    a, b : ndarray of int64 (n,)
        Strands, ``a < b``.
    clues : ndarray of float64 (n, 38)
    smaller, larger : ndarray of int64 (n,)
        The same strands by volume.
    ratio : ndarray of float64 (n,)
        Of their volumes, at most 1.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    clues: NDArray[np.float64]
    smaller: NDArray[np.int64]
    larger: NDArray[np.int64]
    ratio: NDArray[np.float64]


def join(pieces: Pieces) -> NDArray[np.int64]:
    """Divide objects of sections into objects of the stack.

    Parameters
    ----------
    pieces : Pieces

    Returns
    -------
    ndarray of int64 (n,)
        Group of every object, named by its first object. Nothing depends on the direction of reading.
    """
    pieces = pieces.strong
    strand = start(pieces)
    for _ in range(_ROUNDS):
        found = meetings(pieces, strand)
        chance = 1 / (1 + np.exp(-network("strands").log_odds(found.clues)))
        anchor = np.zeros(int(strand.max(initial=-1)) + 1, np.int64)
        np.maximum.at(anchor, strand, pieces.anchor)
        apart = (anchor[found.a] > 0) & (anchor[found.b] > 0) & (anchor[found.a] != anchor[found.b])
        volume = np.bincount(strand, pieces.area)
        is_crumb = volume[found.smaller] < _CRUMB_PX
        possible = ~apart & (chance >= np.where(is_crumb, _CRUMB_FROM, JOIN_FROM))
        joined = merge(found, np.where(possible, chance, 0), strand)
        if joined.max(initial=-1) == strand.max(initial=-1):
            break
        strand = joined
    first = np.full(int(strand.max(initial=-1)) + 1, strand.size)
    np.minimum.at(first, strand, np.arange(strand.size))
    return first[strand]


def start(pieces: Pieces, bias: float = CERTAIN_BIAS) -> NDArray[np.int64]:
    """Strands that are beyond doubt, numbered from 0.

    Parameters
    ----------
    pieces : Pieces
    bias : float
        Log-odds to beat.
    """
    beside = pieces.side * pieces.pixel_nm >= _SIDE_NM
    group = contract(
        np.r_[pieces.u, pieces.side_u[beside]],
        np.r_[pieces.v, pieces.side_v[beside]],
        np.r_[pieces.log_odds - bias, np.full(beside.sum(), _SIDE_BY_SIDE)],
        np.r_[np.maximum(np.sqrt(pieces.shared), 1), pieces.side[beside]],
        pieces.area.size,
        pieces.anchor,
    )
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


def merge(
    found: Meetings,
    chance: NDArray[np.float64],
    strand: NDArray[np.int64],
    threshold: float | None = None,
    anchor: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Join the likeliest pairs, each strand once; a large one takes in many small ones.

    Parameters
    ----------
    found : Meetings
    chance : ndarray of float64 (n,)
        That a pair is one strand.
    strand : ndarray of int64
        Strand of every object.
    threshold : float, optional
        Probability from which they are joined; default `JOIN_FROM`.
    anchor : ndarray of int64, optional
        Of every strand: two guests of one host never have different ones other than 0.

    Returns
    -------
    ndarray of int64
        The same, numbered anew from 0.
    """
    n = int(strand.max(initial=-1)) + 1
    host = np.arange(n)
    is_host, is_guest = bytearray(n), bytearray(n)
    true = [0] * n if anchor is None else anchor.tolist()
    likely = np.flatnonzero(chance >= (JOIN_FROM if threshold is None else threshold))
    order = likely[np.argsort(-chance[likely], kind="stable")]
    parts = (found.smaller[order], found.larger[order], found.ratio[order])
    for guest, other, ratio in zip(*(x.tolist() for x in parts), strict=True):
        if is_guest[guest] or is_host[guest] or is_guest[other] or (is_host[other] and ratio > _GUEST):
            continue
        if true[guest] and true[other] and true[guest] != true[other]:
            continue
        true[other] = true[other] or true[guest]
        is_guest[guest] = is_host[other] = 1
        host[guest] = other
    return np.unique(host[strand], return_inverse=True)[1].astype(np.int64)


def meetings(pieces: Pieces, strand: NDArray[np.int64]) -> Meetings:
    """Measure all pairs of strands between which there is a possible link.

    Parameters
    ----------
    pieces : Pieces
    strand : ndarray of int64 (n,)
        Of every object, from 0.
    """
    strands = _Strands(pieces, strand)
    one, two = strand[pieces.u], strand[pieces.v]
    across = np.flatnonzero(one != two)
    one, two = one[across], two[across]
    key, pair = np.unique(np.minimum(one, two) * strands.n + np.maximum(one, two), return_inverse=True)
    a, b = key // max(strands.n, 1), key % max(strands.n, 1)
    odds, shared = pieces.log_odds[across], pieces.shared[across]
    order = np.lexsort((-odds, pair))
    is_best = np.diff(pair[order], prepend=-1) > 0
    best = order[is_best]
    second = np.full(key.size, _NONE)
    np.maximum.at(second, pair[order[~is_best]], odds[order[~is_best]])
    chance = np.bincount(pair, 1 / (1 + np.exp(-odds)), key.size)
    weight = np.sqrt(np.maximum(shared, 1))
    mean = np.bincount(pair, odds * weight, key.size) / np.bincount(pair, weight, key.size)
    count = np.bincount(pair, minlength=key.size)
    volume_a, volume_b = strands.volume[a], strands.volume[b]
    smaller, larger = np.where(volume_a < volume_b, [a, b], [b, a])
    part = np.bincount(pair, shared, key.size) / strands.volume[smaller]
    evidence = [
        odds[best], second, np.log(chance + 0.01), mean, np.log(count), np.log(part + 1e-3), chance / count,
    ]  # fmt: skip
    clues = np.column_stack(
        [
            *evidence,
            *strands.together(a, b, smaller, larger),
            *strands.where_they_meet(across[best]),
            pieces.clues[across[best]][:, _SEEN],
        ]
    )
    return Meetings(a, b, clues, smaller, larger, strands.volume[smaller] / strands.volume[larger])


class _Strands:
    """Sums over the objects of every strand."""

    def __init__(self, pieces: Pieces, strand: NDArray[np.int64]) -> None:
        from scipy.sparse import csr_array

        self.pieces, self.strand = pieces, strand
        self.n = n = int(strand.max(initial=-1)) + 1
        self.volume = np.bincount(strand, pieces.area, n)
        self.border = np.bincount(strand, pieces.border, n)
        self.rim = np.bincount(strand, pieces.rim, n)
        self.count = np.bincount(strand, minlength=n)
        depth = int(pieces.section.max(initial=-1)) + 2
        self.cells = np.unique(strand * depth + pieces.section)
        self.depth = depth
        where = (self.cells // depth, self.cells % depth)
        self.present = csr_array((np.ones(self.cells.size), where), shape=(n, depth))
        self.span = np.bincount(where[0], minlength=n)

    def is_in(self, strand: NDArray[np.int64], section: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a strand has an object in a section."""
        key = strand * self.depth + section
        at = np.minimum(np.searchsorted(self.cells, key), max(self.cells.size - 1, 0))
        return np.asarray(self.cells[at] == key)

    def beside(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
        """Border between two strands within sections, in pixels."""
        one, two = self.strand[self.pieces.side_u], self.strand[self.pieces.side_v]
        apart = one != two
        one, two = one[apart], two[apart]
        key, at = np.unique(np.minimum(one, two) * self.n + np.maximum(one, two), return_inverse=True)
        total = np.append(np.bincount(at, self.pieces.side[apart], key.size), 0.0)
        wanted = a * self.n + b
        place = np.searchsorted(key, wanted)
        found = np.append(key, -1)[place] == wanted
        return np.asarray(np.where(found, total[place], 0.0))

    def together(
        self,
        a: NDArray[np.int64],
        b: NDArray[np.int64],
        smaller: NDArray[np.int64],
        larger: NDArray[np.int64],
    ) -> list[NDArray[np.float64]]:
        """How large both are, how long, how ragged, and whether they run side by side."""
        pixel = self.pieces.pixel_nm
        both = np.asarray(self.present[a].multiply(self.present[b]).sum(1), np.float64).ravel()
        short, long = np.minimum(self.span[a], self.span[b]), np.maximum(self.span[a], self.span[b])
        beside = self.beside(a, b)
        ragged_a, ragged_b = (
            np.log(self.border[k] / np.sqrt(self.count[k] * self.volume[k]) + 0.1) for k in (a, b)
        )
        return [
            np.log(self.volume[smaller] * pixel**2),
            np.log(self.volume[larger] * pixel**2),
            np.log(short),
            np.log(long),
            both / short,
            np.log1p(beside * pixel / np.maximum(both, 1)),
            beside / (np.minimum(self.border[a], self.border[b]) + 1),
            np.minimum(ragged_a, ragged_b),
            np.maximum(ragged_a, ragged_b),
            self.rim[smaller] / np.sqrt(self.volume[smaller]),
        ]

    def where_they_meet(self, link: NDArray[np.int64]) -> list[NDArray[np.float64]]:
        """At the likeliest link of two strands: whether they end there, and how thick they are."""
        pieces = self.pieces
        u, v = pieces.u[link], pieces.v[link]
        one, two = self.strand[u], self.strand[v]
        ends = ~self.is_in(one, pieces.section[v])
        starts = ~self.is_in(two, pieces.section[u])
        area_u, area_v = (pieces.area[k] * pieces.pixel_nm**2 for k in (u, v))
        usual_u, usual_v = (self.volume[k] / self.span[k] * pieces.pixel_nm**2 for k in (one, two))
        thinner_u, thinner_v = np.log(area_u / usual_u), np.log(area_v / usual_v)
        return [
            ends + starts.astype(float),
            (ends & starts).astype(float),
            np.minimum(thinner_u, thinner_v),
            np.maximum(thinner_u, thinner_v),
            np.log(np.minimum(area_u, area_v)),
            np.log(np.maximum(area_u, area_v)),
            (np.minimum(pieces.rim[u], pieces.rim[v]) > 0).astype(float),
        ]
