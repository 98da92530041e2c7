"""Which object of one section goes on as which object of another."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.algorithms.assignment import assign
from napari_emseg.algorithms.evidence import CLUES, Evidence, Objects, gather, tabulate
from napari_emseg.algorithms.joining import contract
from napari_emseg.algorithms.likelihood import log_odds, probability
from napari_emseg.algorithms.motion import coarse_step, motion_field, shift_between, translate
from napari_emseg.algorithms.scale import working_spacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.algorithms.runs import Overlaps
    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import PropagateSettings

Kind = Literal["same", "branch", "merger", "bridge", "end", "start", "conflict"]

JOIN_BIAS = 0.7
"""Log-odds that have to be beaten before two objects become one: a wrong merger costs more than a wrong split."""

# Cost of an object that ends or starts: a one-to-one pair is possible below twice this.
_ALONE = 0.45
_SURE = 0.55  # cost up to which a pair tells how its surroundings moved
_ENOUGH = 8  # matched objects that make a motion field
_PASSES = 3  # better matches give a better motion field, and that better matches
_SETTLED_PX = 0.75  # less is not worth another pass
_GAIN = 0.1  # more overlap than this is clearly better
_HIDDEN = 0.02  # probability of pairs that the settings rule out
_BARE = 0.2  # objects less covered than this by the other section have an empty place there
_LONELY = 0.1  # objects less covered than this by the other section may have stepped aside
_STEP_DIAMETERS = 1.5
_ALIKE = 0.5  # ratio of areas


@dataclass(frozen=True, slots=True)
class Link:
    """One decision between two sections.

    Attributes
    ----------
    a, b : int
        Ids in the first and the second section; 0 where an object starts or ends.
    cost : float
        0 is certain, 1 is unlike.
    runner_up : float
        Cost of the best alternative, which may be that the object ends or starts.
    confidence : float
        Probability that the decision is right, 0 to 1.
    kind : str
        "same": one to one; "branch": ``b`` splits off ``a``; "merger": ``a`` joins what ``b`` continues;
        "bridge": both go on elsewhere and yet are one; "end", "start"; "conflict": would join two objects
        that people keep apart, and is not made.
    section_a, section_b : int
        Where the ids are from.
    """

    a: int
    b: int
    cost: float
    runner_up: float
    confidence: float
    kind: Kind
    section_a: int = 0
    section_b: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pairs of objects of two sections that may be one.

    Attributes
    ----------
    a, b : ndarray of int64 (n,)
        Objects of the first and of the second section, from 0.
    probability : ndarray of float64 (n,)
        That the two are one object.
    weight : ndarray of float64 (n,)
        How much a pair says about the objects as a whole: the extent of what they share.
    is_match : ndarray of bool (n,)
        Pairs of the optimal one-to-one assignment.
    clues : ndarray of float32 (n, len(CLUES))
        What is known about each pair; nothing (zero) of objects that stepped aside.
    moves : ndarray of float64 (m, 2)
        How far the surroundings of every object of the first section moved, in pixels.
    bare_a, bare_b : ndarray of bool (m,), (k,)
        Objects of the first and of the second section whose place is empty in the other one.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    probability: NDArray[np.float64]
    weight: NDArray[np.float64]
    is_match: NDArray[np.bool_]
    clues: NDArray[np.float32]
    moves: NDArray[np.float64]
    bare_a: NDArray[np.bool_]
    bare_b: NDArray[np.bool_]

    def where(self, keep: NDArray[np.bool_]) -> Candidates:
        """Keep the pairs for which ``keep`` (n,) holds."""
        of_pairs = [k.name for k in fields(self) if k.name not in ("moves", "bare_a", "bare_b")]
        return replace(self, **{name: getattr(self, name)[keep] for name in of_pairs})

    @property
    def evidence(self) -> NDArray[np.float64]:
        """Log-odds for joining, with the bias against it."""
        return log_odds(self.probability) - JOIN_BIAS


def link_sections(
    a: NDArray[Any],
    b: NDArray[Any],
    settings: PropagateSettings,
    spacing_nm: Spacing | None,
    shift: Sequence[float] | None = None,
) -> list[Link]:
    """Link the objects of two sections.

    Parameters
    ----------
    a, b : ndarray of int (y, x)
        Object ids; 0 is none. Equal ids of the two mean nothing.
    settings : PropagateSettings
        Gates: largest step and smallest overlap.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); None takes 5 nm on all axes.
    shift : (dy, dx), optional
        How far the picture moved from ``a`` to ``b``, in pixels. By default it is estimated.

    Returns
    -------
    list of Link
        Every object appears at least once.
    """
    pixel_nm = min(working_spacing(spacing_nm)[1:])
    one, two = tabulate(a, pixel_nm), tabulate(b, pixel_nm)
    found = candidates(one, two, settings, spacing_nm, shift)
    n = one.ids.size
    group = contract(found.a, found.b + n, found.evidence, found.weight, n + two.ids.size)
    return describe(one.ids, two.ids, found, group[found.a] == group[found.b + n])


def candidates(
    one: Objects,
    two: Objects,
    settings: PropagateSettings,
    spacing_nm: Spacing | None,
    shift: Sequence[float] | None = None,
) -> Candidates:
    """Pairs of two sections that may be one object, after taking out how the picture moved.

    Parameters
    ----------
    one, two : Objects
    settings, spacing_nm, shift
        As in `link_sections`.

    Returns
    -------
    Candidates
        ``is_match`` marks the optimal assignment (Hungarian) of the costs 1 - probability.
    """
    if one.ids.size == 0 or two.ids.size == 0:
        none, real, clues = np.zeros(0, np.int64), np.zeros(0), np.zeros((0, len(CLUES)), np.float32)
        moves, bare = np.zeros((one.ids.size, 2)), [np.ones(k.ids.size, bool) for k in (one, two)]
        return Candidates(none, none, real, real, none.astype(bool), clues, moves, *bare)
    first, common = _aligned(one, two, shift)
    known = gather(first, two, common)
    chance = np.where(_ruled_out(first, two, known, settings, spacing_nm), _HIDDEN, probability(known.clues))
    near_a, near_b, near = steps_aside(first, two, known, settings, spacing_nm)
    a, b = np.r_[known.a, near_a], np.r_[known.b, near_b]
    chance = np.r_[chance, near]
    weight = np.sqrt(np.r_[known.shared, np.minimum(first.area[near_a], two.area[near_b])])
    is_match = np.zeros(a.size, bool)
    is_match[assign(a, b, 1 - chance, one.ids.size, two.ids.size, _ALONE)] = True
    clues = np.zeros((a.size, len(CLUES)), np.float32)
    clues[: known.a.size] = known.clues
    bare = [c < _BARE * o.area for c, o in zip(known.covered(first, two), (first, two), strict=True)]
    return Candidates(a, b, chance, np.maximum(weight, 1), is_match, clues, first.centre - one.centre, *bare)


def align(one: Objects, two: Objects, shift: Sequence[float] | None = None) -> Objects:
    """Move a section onto the next: one shift for all, then with the neighbourhood of every place.

    Parameters
    ----------
    one, two : Objects
    shift : (dy, dx), optional
        In pixels; by default it is estimated.
    """
    return _aligned(one, two, shift)[0]


def _aligned(one: Objects, two: Objects, shift: Sequence[float] | None) -> tuple[Objects, Overlaps]:
    """The same, and what the two have in common then."""
    if shift is None:
        move = shift_between(one.borders, two.borders, coarse_step(one.dense.shape))
    else:
        move = np.asarray(shift, float)
    first = one
    if move.any():
        first = one.moved(translate(one.dense, move), translate(one.depth, move), one.centre + move)
        if shift is None and not _helps_most(one, first, two):
            first = one
    common: Overlaps | None = None
    for _ in range(_PASSES):
        common = first.overlaps(two)
        row, column, cost = common.a, common.b, _rough_costs(first, two, common)
        chosen = assign(row, column, cost, one.ids.size, two.ids.size, _ALONE)
        sure = chosen[cost[chosen] < _SURE]
        if sure.size < _ENOUGH:
            break
        points = two.centre[column[sure]]
        field = motion_field(points, points - one.centre[row[sure]])
        place = one.centre + field.at(one.centre)
        if np.abs(place - first.centre).max() < _SETTLED_PX:
            break
        dense, depth = field.warp(one.dense, one.depth)
        first, common = one.moved(dense, depth, place), None
    return first, first.overlaps(two) if common is None else common


def describe(
    one: NDArray[np.int64],
    two: NDArray[np.int64],
    found: Candidates,
    is_one: NDArray[np.bool_],
    is_apart: NDArray[np.bool_] | None = None,
    sections: tuple[int, int] = (0, 1),
    confidence: NDArray[np.float64] | None = None,
) -> list[Link]:
    """Put decisions into words.

    Parameters
    ----------
    one, two : ndarray of int64
        Ids of the objects of the two sections.
    found : Candidates
    is_one : ndarray of bool (n,)
        Whether the two objects of a pair were joined.
    is_apart : ndarray of bool (n,), optional
        Whether people keep the two apart.
    sections : (int, int)
        Numbers of the two sections.
    confidence : ndarray of float64 (n,), optional
        How sure each pair is, all sections considered; by default its probability.

    Returns
    -------
    list of Link
        Pairs with evidence for them, then what ends, then what starts.
    """
    # What was joined for other reasons as well needs less to be called a link.
    made = np.flatnonzero(is_one & (found.is_match | (log_odds(found.probability) > -JOIN_BIAS)))
    speaks = (found.evidence > 0) | found.is_match
    refused = np.zeros(0, np.int64)
    if is_apart is not None:
        refused = np.flatnonzero(speaks & is_apart & ~is_one)
    matched_a, matched_b = (np.zeros(n, bool) for n in (one.size, two.size))
    pairs = made[found.is_match[made]]
    matched_a[found.a[pairs]] = matched_b[found.b[pairs]] = True
    alone = 1 - 1 / (1 + np.exp(-JOIN_BIAS))
    rival = _best_rival(found, one.size, two.size)
    sure = found.probability if confidence is None else confidence
    links = []
    for k in np.r_[made, refused].tolist():
        a, b, chance = int(found.a[k]), int(found.b[k]), float(found.probability[k])
        if is_apart is not None and is_apart[k] and not is_one[k]:
            kind: Kind = "conflict"
        elif found.is_match[k]:
            kind = "same"
        elif matched_a[a] and matched_b[b]:
            kind = "bridge"
        else:
            kind = "branch" if matched_a[a] or not matched_b[b] else "merger"
        ends = (int(one[a]), int(two[b]))
        links.append(Link(*ends, 1 - chance, min(alone, 1 - rival[k]), float(sure[k]), kind, *sections))
    return links + _alone(one, two, found, made, alone, sections)


def _best_rival(found: Candidates, n_one: int, n_two: int) -> list[float]:
    """For every pair the highest probability of another pair with one of its objects."""
    from napari_emseg.algorithms.evidence import best_other

    other_a = best_other(found.a, found.probability, n_one)
    other_b = best_other(found.b, found.probability, n_two)
    rivals: list[float] = np.maximum(other_a, other_b).tolist()
    return rivals


def _alone(
    one: NDArray[np.int64],
    two: NDArray[np.int64],
    found: Candidates,
    made: NDArray[np.int64],
    cost: float,
    sections: tuple[int, int],
) -> list[Link]:
    """Ends and starts of everything that found no partner."""
    links = []
    for objects, end, kind in ((one, found.a, "end"), (two, found.b, "start")):
        best = np.zeros(objects.size)
        np.maximum.at(best, end, found.probability)
        left = np.ones(objects.size, bool)
        left[end[made]] = False
        for k in np.flatnonzero(left).tolist():
            name, chance = int(objects[k]), float(best[k])
            if kind == "end":
                links.append(Link(name, 0, cost, 1 - chance, 1 - chance, "end", *sections))
            else:
                links.append(Link(0, name, cost, 1 - chance, 1 - chance, "start", *sections))
    return links


def _ruled_out(
    first: Objects, two: Objects, known: Evidence, settings: PropagateSettings, spacing_nm: Spacing | None
) -> NDArray[np.bool_]:
    """Pairs that share too little, and whole objects that would have moved too far."""
    area_a, area_b = first.area[known.a], two.area[known.b]
    smaller, larger = np.minimum(area_a, area_b), np.maximum(area_a, area_b)
    pixel = np.array(working_spacing(spacing_nm)[1:])
    step_nm = np.hypot(*((two.centre[known.b] - first.centre[known.a]) * pixel).T)
    too_far = (step_nm > settings.max_shift_nm) & (smaller >= _ALIKE * larger)
    # A piece of a large object may lie far from its middle without having moved.
    too_far &= known.shared < _ALIKE * smaller
    return np.asarray(too_far | (known.shared < settings.min_overlap * smaller))


def steps_aside(
    first: Objects, two: Objects, known: Evidence, settings: PropagateSettings, spacing_nm: Spacing | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Alike objects close by that have lost all contact with the other section: pairs and their chance."""
    from scipy.spatial import KDTree

    covered = known.covered(first, two)
    reach_px = settings.max_shift_nm / min(working_spacing(spacing_nm)[1:])
    radius = [np.sqrt(o.area / np.pi) for o in (first, two)]
    free = [
        np.flatnonzero((c < _LONELY * o.area) & (r < reach_px) & np.isfinite(o.centre).all(1))
        for c, o, r in zip(covered, (first, two), radius, strict=True)
    ]
    if not all(x.size for x in free):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    tree = KDTree(two.centre[free[1]])
    reach = np.minimum(_STEP_DIAMETERS * 2 * radius[0][free[0]], reach_px)
    near_a: list[int] = []
    near_b: list[int] = []
    for i, others in zip(free[0].tolist(), tree.query_ball_point(first.centre[free[0]], reach), strict=True):
        near_a += [i] * len(others)
        near_b += free[1][others].tolist()
    a, b = np.array(near_a, np.int64), np.array(near_b, np.int64)
    known_pair = np.isin(a * two.ids.size + b, known.a * two.ids.size + known.b)
    alike = np.minimum(radius[0][a], radius[1][b]) / np.maximum(np.maximum(radius[0][a], radius[1][b]), 1e-9)
    keep = ~known_pair & (alike**2 >= _ALIKE)
    a, b, alike = a[keep], b[keep], alike[keep]
    apart = np.hypot(*(two.centre[b] - first.centre[a]).T) / (radius[0][a] + radius[1][b])
    return a, b, np.clip(0.9 * alike / (1 + (apart / _STEP_DIAMETERS) ** 2), _HIDDEN, 0.9)


def _rough_costs(one: Objects, two: Objects, common: Overlaps) -> NDArray[np.float64]:
    """Costs of all pairs that are good enough to find out how the picture moves."""
    a, b = common.a, common.b
    smaller, larger = np.minimum(one.area[a], two.area[b]), np.maximum(one.area[a], two.area[b])
    shared = np.minimum(common.count.astype(float), smaller)
    between = np.hypot(*(two.centre[b] - one.centre[a]).T)
    size = 2 * np.sqrt(np.sqrt(smaller * larger) / np.pi)
    cost = 0.5 * (1 - shared / (smaller + larger - shared)) + 0.3 * (1 - shared / smaller)
    cost += 0.1 * (1 - smaller / larger) + 0.4 * between / (between + size)
    cost[~(cost < 1)] = 1.0
    return np.asarray(cost)


def _helps_most(still: Objects, moved: Objects, two: Objects) -> bool:
    """Whether a shift makes many more objects lie on an object of the next section than it takes away."""

    def covered(one: Objects) -> NDArray[np.float64]:
        common = one.overlaps(two)
        best = np.zeros(one.ids.size)
        np.maximum.at(best, common.a, common.count / np.maximum(one.area[common.a], two.area[common.b]))
        return best

    gain = covered(moved) - covered(still)
    return int((gain > _GAIN).sum()) > 2 * int((gain < -_GAIN).sum())
