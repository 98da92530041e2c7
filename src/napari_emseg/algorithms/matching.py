"""Which object of one section goes on as which object of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.algorithms.assignment import assign
from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.motion import MotionField, global_shift, translate
from napari_emseg.algorithms.scale import working_spacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import PropagateSettings

Kind = Literal["same", "branch", "merger", "bridge", "end", "start", "conflict"]

# Cost of an object that ends or starts. Two objects are linked one to one below twice this.
_ALONE = 0.45
# A branch or merger has this much of itself inside the object that it belongs to, ...
_INSIDE = 0.7
# ... is this much larger (in radii) than borders move between the sections, or else it is no evidence, ...
_LARGER_THAN_MOTION = 4.0
# ... and two objects that both go on elsewhere are one only if half of one lies in the other and borders
# hardly move: in thick sections, neighbours that swap places look the same.
_BRIDGE_INSIDE = 0.5
_BRIDGE_MOTION_PX = 2.0
_MIN_RATIO = 0.1
_LARGE_ENOUGH_PX = 30  # objects that tell how borders move


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
        0 to 1; one half if the alternative is as good.
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
class Objects:
    """The objects of one section.

    Attributes
    ----------
    dense : ndarray of uint32 (y, x)
        Object ``k`` is 1 + k here; 0 is none.
    ids : ndarray of int64 (n,)
    area : ndarray of float64 (n,)
        In pixels.
    centre : ndarray of float64 (n, 2)
        (y, x) in pixels.
    """

    dense: NDArray[np.uint32]
    ids: NDArray[np.int64]
    area: NDArray[np.float64]
    centre: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Candidate links with what is known about each."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    shared: NDArray[np.float64]
    cost: NDArray[np.float64]


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
        Every object appears at least once. The one-to-one links are the optimal assignment of the costs
        (1 - overlap over union, distance of the centres in diameters, difference of the areas), measured
        after taking out the shift and the motion of the neighbourhood.
    """
    return link_objects(tabulate(a), tabulate(b), settings, spacing_nm, shift)


def link_objects(
    one: Objects,
    two: Objects,
    settings: PropagateSettings,
    spacing_nm: Spacing | None,
    shift: Sequence[float] | None = None,
) -> list[Link]:
    """Link two sections whose objects are tabulated already; otherwise like `link_sections`."""
    if one.ids.size == 0 or two.ids.size == 0:
        return _alone(one, two, np.zeros(one.ids.size, bool), np.zeros(two.ids.size, bool))
    spacing = working_spacing(spacing_nm)
    move = global_shift(one.dense, two.dense) if shift is None else np.asarray(shift, float)
    first = one
    if move.any():
        first = Objects(translate(one.dense, move), one.ids, one.area, one.centre + move)
        if shift is None and not _helps_most(one, first, two):
            first = one
    pairs = _pairs(first, two, settings, spacing)
    chosen = assign(pairs.a, pairs.b, pairs.cost, one.ids.size, two.ids.size, _ALONE)
    sure = chosen[pairs.cost[chosen] < _ALONE]
    moves = two.centre[pairs.b[sure]] - first.centre[pairs.a[sure]]
    if sure.size >= _ENOUGH and np.median(np.hypot(*moves.T)) >= 1:
        field = MotionField(two.centre[pairs.b[sure]], moves)
        moved = first.centre + field.at(first.centre)
        first = Objects(field.warp(first.dense), one.ids, one.area, moved)
        pairs = _pairs(first, two, settings, spacing)
        chosen = assign(pairs.a, pairs.b, pairs.cost, one.ids.size, two.ids.size, _ALONE)
    return _links(one, two, pairs, chosen)


def _helps_most(still: Objects, moved: Objects, two: Objects) -> bool:
    """Whether a shift makes many more objects lie on an object of the next section than it takes away."""

    def covered(one: Objects) -> NDArray[np.float64]:
        table = contingency(one.dense, two.dense)
        table = table.where((table.a > 0) & (table.b > 0))
        best = np.zeros(one.ids.size)
        shared = table.count / np.maximum(one.area[table.a - 1], two.area[table.b - 1])
        np.maximum.at(best, table.a - 1, shared)
        return best

    gain = covered(moved) - covered(still)
    return int((gain > _GAIN).sum()) > 2 * int((gain < -_GAIN).sum())


_GAIN = 0.1
_ENOUGH = 8  # matched objects that make a motion field


def tabulate(labels: NDArray[Any]) -> Objects:
    """List the objects of one section.

    Parameters
    ----------
    labels : ndarray of int (y, x)
        Object ids; 0 is none.

    Returns
    -------
    Objects
    """
    import cc3d
    import fastremap

    dense, table = fastremap.renumber(np.ascontiguousarray(labels), preserve_zero=True, in_place=False)
    ids = np.zeros(len(table) + 1, np.int64)
    for old, new in table.items():
        ids[int(new)] = old
    n = int(dense.max(initial=0))
    dense = dense.astype(np.uint32, copy=False)
    statistics = cc3d.statistics(dense, no_slice_conversion=True)
    area = statistics["voxel_counts"][1 : n + 1].astype(np.float64)
    return Objects(dense, ids[1 : n + 1], area, statistics["centroids"][1 : n + 1])


def _pairs(one: Objects, two: Objects, settings: PropagateSettings, spacing: Spacing) -> _Pairs:
    """Candidates: what overlaps, and what lies within a step without overlapping anything better."""
    table = contingency(one.dense, two.dense)
    table = table.where((table.a > 0) & (table.b > 0))
    a, b, shared = table.a - 1, table.b - 1, table.count.astype(np.float64)
    near_a, near_b = _near(one, two, a, b, settings.max_shift_nm / min(spacing[1:]))
    a, b = np.r_[a, near_a], np.r_[b, near_b]
    shared = np.r_[shared, np.zeros(near_a.size)]
    pixel = np.array(spacing[1:])
    smaller, larger = np.minimum(one.area[a], two.area[b]), np.maximum(one.area[a], two.area[b])
    distance_nm = np.hypot(*((two.centre[b] - one.centre[a]) * pixel).T)
    diameter_nm = 2 * np.sqrt(np.sqrt(smaller * larger) / np.pi * pixel.prod())
    overlap = np.minimum(shared / (smaller + larger - shared), 1)
    inside = np.minimum(shared / smaller, 1)
    apart = distance_nm / (distance_nm + diameter_nm)
    cost = 0.5 * (1 - overlap) + 0.3 * (1 - inside) + 0.1 * (1 - smaller / larger) + 0.4 * apart
    # A crumb and a giant are never the same object; they may still be branch and stem.
    cost[smaller < _MIN_RATIO * larger] = 1.0
    fits = distance_nm <= settings.max_shift_nm
    fits &= (shared == 0) | (inside >= settings.min_overlap)
    return _Pairs(a[fits], b[fits], shared[fits], np.minimum(cost[fits], 1.0))


def _near(
    one: Objects, two: Objects, a: NDArray[np.int64], b: NDArray[np.int64], reach_px: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs without common pixels whose centres are closer than a diameter."""
    from scipy.spatial import KDTree

    radius = [np.sqrt(x.area / np.pi) for x in (one, two)]
    small = [np.flatnonzero((r > 0) & (r < reach_px)) for r in radius]
    if not all(x.size for x in small):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    tree = KDTree(two.centre[small[1]])
    found_a, found_b = [], []
    reach = np.minimum(_STEP_DIAMETERS * 2 * radius[0][small[0]], reach_px)
    for i, others in zip(small[0].tolist(), tree.query_ball_point(one.centre[small[0]], reach), strict=True):
        found_a += [i] * len(others)
        found_b += small[1][others].tolist()
    near_a, near_b = np.array(found_a, np.int64), np.array(found_b, np.int64)
    known = np.isin(near_a * two.ids.size + near_b, a * two.ids.size + b)
    size_a, size_b = one.area[near_a], two.area[near_b]
    alike = np.minimum(size_a, size_b) >= 0.5 * np.maximum(size_a, size_b)
    return near_a[~known & alike], near_b[~known & alike]


_STEP_DIAMETERS = 1.5


def _links(one: Objects, two: Objects, pairs: _Pairs, chosen: NDArray[np.intp]) -> list[Link]:
    """Turn the assignment, and what is left over, into links with their runners-up."""
    done_a, done_b = np.zeros(one.ids.size, bool), np.zeros(two.ids.size, bool)
    done_a[pairs.a[chosen]] = True
    done_b[pairs.b[chosen]] = True
    kinds: list[tuple[int, Kind, float]] = [(k, "same", float(pairs.cost[k])) for k in chosen.tolist()]
    kinds += _more_than_one(one, two, pairs, chosen, done_a, done_b)
    links = []
    best_a, best_b = _two_best(pairs.a, pairs.cost), _two_best(pairs.b, pairs.cost)
    for k, kind, cost in kinds:
        a, b = int(pairs.a[k]), int(pairs.b[k])
        rivals = [c for c, rival in (*best_a[a], *best_b[b]) if rival != k]
        runner_up = min([2 * _ALONE, *rivals]) if kind == "same" else _ALONE
        confidence = _confidence(cost, runner_up)
        links.append(Link(int(one.ids[a]), int(two.ids[b]), cost, float(runner_up), confidence, kind))
    return links + _alone(one, two, done_a, done_b)


def _more_than_one(
    one: Objects,
    two: Objects,
    pairs: _Pairs,
    chosen: NDArray[np.intp],
    done_a: NDArray[np.bool_],
    done_b: NDArray[np.bool_],
) -> list[tuple[int, Kind, float]]:
    """Branches, mergers and bridges: (pair, kind, cost). What they explain is marked as done."""
    area_a, area_b = one.area[pairs.a], two.area[pairs.b]
    inside_a, inside_b = pairs.shared / area_a, pairs.shared / area_b
    motion_px = _motion_of_whole_objects(one, two, pairs, chosen)
    smaller = np.minimum(area_a, area_b)
    certain = np.sqrt(np.minimum(pairs.shared, smaller) / np.pi) >= _LARGER_THAN_MOTION * motion_px
    certain[chosen] = False
    free_a, free_b = ~done_a[pairs.a], ~done_b[pairs.b]
    found: list[tuple[int, Kind, float]] = []
    chances: tuple[tuple[Kind, NDArray[np.float64], NDArray[np.bool_]], ...] = (
        ("branch", inside_b, free_b & (inside_b >= _INSIDE)),
        ("merger", inside_a, free_a & (inside_a >= _INSIDE)),
        ("bridge", np.maximum(inside_a, inside_b), np.full(smaller.size, motion_px < _BRIDGE_MOTION_PX)),
    )
    for kind, inside, fits in chances:
        at = np.flatnonzero(certain & fits & (inside >= _BRIDGE_INSIDE))
        found += [(k, kind, float(max(0.0, 1 - inside[k]))) for k in at.tolist()]
        certain[at] = False
        done_a[pairs.a[at]] = True
        done_b[pairs.b[at]] = True
    return found


def _motion_of_whole_objects(one: Objects, two: Objects, pairs: _Pairs, chosen: NDArray[np.intp]) -> float:
    """Border motion with all pieces of an object counted together, so that no branch looks like motion."""
    area_a, area_b = one.area[pairs.a], two.area[pairs.b]
    piece_b = pairs.shared >= _INSIDE * area_b
    piece_a = pairs.shared >= _INSIDE * area_a
    piece_a[chosen] = piece_b[chosen] = True
    whole_b = np.bincount(pairs.a[piece_b], area_b[piece_b], one.ids.size)[pairs.a[chosen]]
    shared_b = np.bincount(pairs.a[piece_b], pairs.shared[piece_b], one.ids.size)[pairs.a[chosen]]
    whole_a = np.bincount(pairs.b[piece_a], area_a[piece_a], two.ids.size)[pairs.b[chosen]]
    shared_a = np.bincount(pairs.b[piece_a], pairs.shared[piece_a], two.ids.size)[pairs.b[chosen]]
    splits = shared_b >= shared_a
    return border_motion(
        np.where(splits, area_a[chosen], whole_a),
        np.where(splits, whole_b, area_b[chosen]),
        np.where(splits, shared_b, shared_a),
    )


def border_motion(
    area_a: NDArray[np.float64], area_b: NDArray[np.float64], shared: NDArray[np.float64]
) -> float:
    """How far borders typically move between two sections, in pixels, from objects matched one to one.

    Two discs of radius r that are a little apart differ in an area of 4 r times the distance.
    """
    large = np.minimum(area_a, area_b) >= _LARGE_ENOUGH_PX
    if not large.any():
        return float(np.inf)
    area_a, area_b, shared = area_a[large], area_b[large], shared[large]
    radius = np.sqrt((area_a + area_b) / 2 / np.pi)
    return float(np.median((area_a + area_b - 2 * shared) / (4 * radius)))


def _two_best(end: NDArray[np.int64], cost: NDArray[np.float64]) -> dict[int, list[tuple[float, int]]]:
    """For every object its two cheapest candidates (cost, pair)."""
    best: dict[int, list[tuple[float, int]]] = {}
    order = np.argsort(cost, kind="stable")
    for k, of, c in zip(order.tolist(), end[order].tolist(), cost[order].tolist(), strict=True):
        seen = best.setdefault(of, [])
        if len(seen) < 2:
            seen.append((c, k))
    return best


def _confidence(cost: float, runner_up: float) -> float:
    """One half if the alternative is as good, near one if it is much worse."""
    cost, runner_up = max(cost, 1e-3), max(runner_up, 1e-3)
    return float(runner_up**2 / (runner_up**2 + cost**2))


def _alone(one: Objects, two: Objects, done_a: NDArray[np.bool_], done_b: NDArray[np.bool_]) -> list[Link]:
    """Ends and starts of everything that found no partner."""
    ends = [Link(int(k), 0, _ALONE, 2 * _ALONE, 0.5, "end") for k in one.ids[~done_a].tolist()]
    starts = [Link(0, int(k), _ALONE, 2 * _ALONE, 0.5, "start") for k in two.ids[~done_b].tolist()]
    return ends + starts
