"""What the overlap of two sections says about every pair of objects that could be one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.assignment import assign
from napari_emseg.algorithms.likelihood import first_guess, log_odds
from napari_emseg.algorithms.motion import coarse_borders
from napari_emseg.algorithms.neighbours import REACH_NM, Touching, common_surroundings, touching
from napari_emseg.algorithms.runs import Overlaps, Runs, areas_and_centres, overlaps, run_starts
from napari_emseg.algorithms.scale import NOMINAL_NM
from napari_emseg.algorithms.texture import textures

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAST_MOTION_PX = 0.3  # borders on a pixel grid are never known better
_LARGE_ENOUGH_PX = 30  # objects that tell how borders move
_UNKNOWN_MOTION_PX = 5.0  # where no object is large enough to tell
_RIM_PX = 2
_TOUCH_ONLY, _UNLIKELY = 0.1, 0.02  # pairs that share less of the smaller object are hardly one


@dataclass(frozen=True, eq=False)
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
    depth : ndarray of float32 (y, x)
        Distance to the nearest pixel of another object or of none, in pixels; the edge of the section is
        no border.
    touch : Touching
        Which objects lie side by side.
    rim : ndarray of int64 (n,)
        Pixels at the edge of the section.
    borders : ndarray of float32 (r, c)
        Of the section as it was found, see `motion.coarse_borders`.
    texture : ndarray of float32 (n, 2)
        See `texture.textures`; NaN without an image.
    starts : ndarray of bool (y, x)
        See `runs.run_starts`.
    """

    dense: NDArray[np.uint32]
    ids: NDArray[np.int64]
    area: NDArray[np.float64]
    centre: NDArray[np.float64]
    depth: NDArray[np.float32]
    touch: Touching
    rim: NDArray[np.int64]
    borders: NDArray[np.float32]
    texture: NDArray[np.float32]
    starts: NDArray[np.bool_]

    @cached_property
    def deepest(self) -> NDArray[np.float32]:
        """Greatest depth of every object, (n,)."""
        runs = Runs.at(self.starts)
        deepest = np.zeros(self.ids.size + 1, np.float32)
        np.maximum.at(deepest, self.dense.ravel()[runs.start], runs.highest(self.depth))
        return deepest[1:]

    def moved(
        self, dense: NDArray[np.uint32], depth: NDArray[np.float32], centre: NDArray[np.float64]
    ) -> Objects:
        """The same objects in other places; their areas stay those of the section as it was found."""
        return replace(self, dense=dense, depth=depth, centre=centre, starts=run_starts(dense))

    def overlaps(self, other: Objects) -> Overlaps:
        """Pixels that the objects share with those of another section."""
        return overlaps(self.dense, other.dense, self.starts, other.starts)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Pairs of overlapping objects with what is known about each.

    Attributes
    ----------
    a, b : ndarray of int64 (n,)
        Objects of the first and of the second section, from 0.
    shared : ndarray of float64 (n,)
        Common pixels.
    clues : ndarray of float64 (n, len(CLUES))
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    shared: NDArray[np.float64]
    clues: NDArray[np.float64]

    def covered(self, first: Objects, second: Objects) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixels of every object of either section that lie on any object of the other one."""
        on_second = np.bincount(self.a, self.shared, first.ids.size).astype(np.float64)
        return on_second, np.bincount(self.b, self.shared, second.ids.size).astype(np.float64)


CLUES = (
    "overlap",  # common area over joint area
    "inside",  # common area over the area of the smaller
    "cover",  # common area over the area of the larger
    "sizes",  # logarithm of the ratio of the areas
    "apart",  # distance of the centres over the sum of the radii
    "depth",  # deepest common pixel, in border motions: a sliver along a moving border is shallow
    "core",  # deepest common pixel over the greatest depth of the shallower object
    "rivals_less",  # part of the overlap with anything that is this pair's, for the object with more rivals,
    "rivals_more",  # ... and for the one with fewer
    "other_less",  # best overlap over joint area that either has with a third object, the lower one,
    "other_more",  # ... and the higher one
    "motion",  # logarithm of the border motion in pixels
    "extent",  # size of the common area in border motions
    "size",  # logarithm of the smaller radius in border motions
    "likeness",  # whether both have the same neighbours, see `neighbours.common_surroundings`
    "common",  # border with the same neighbours, over that of the object with less border
    "beside_less",  # part of the border of one that lies along what the other probably is in its section,
    "beside_more",  # ... the lower and the higher
    "claimed_less",  # how likely the best third object is one with either, by overlap alone, the lower
    "claimed_more",  # ... and the higher
    "covered_less",  # part of the area of either that lies on any object of the other section, the lower
    "covered_more",  # ... and the higher
    "round_less",  # circumference of a disc of its area over its border, the lower
    "round_more",  # ... and the higher
    "guess",  # log-odds that the two are one, by overlap alone
)
BY_OVERLAP = CLUES.index("likeness")
"""The clues before this one need the two objects only."""


def gather(first: Objects, second: Objects, common: Overlaps | None = None) -> Evidence:
    """Measure every pair of objects that overlaps.

    Parameters
    ----------
    first, second : Objects
        Two sections, the first moved onto the second.
    common : Overlaps, optional
        Of the two, where they are known already.

    Returns
    -------
    Evidence
        Sorted by ``a`` then ``b``. All clues are the same whichever section comes first.
    """
    common = first.overlaps(second) if common is None else common
    a, b, shared = common.a, common.b, common.count.astype(float)
    depth = common.highest(np.minimum(first.depth, second.depth)).astype(float)
    area_a, area_b = np.maximum(first.area[a], shared), np.maximum(second.area[b], shared)
    overlap = shared / (area_a + area_b - shared)
    matched = assign(a, b, 1 - overlap, first.ids.size, second.ids.size, 0.5)
    motion = border_motion(area_a[matched], area_b[matched], shared[matched])
    motion = max(motion, _LEAST_MOTION_PX) if np.isfinite(motion) else _UNKNOWN_MOTION_PX
    smaller, larger = np.minimum(area_a, area_b), np.maximum(area_a, area_b)
    radius = np.sqrt(smaller / np.pi)
    between = np.hypot(*(second.centre[b] - first.centre[a]).T)
    own = np.minimum(first.deepest[a], second.deepest[b])
    rival_a, rival_b = best_other(a, shared, first.ids.size), best_other(b, shared, second.ids.size)
    other_a, other_b = best_other(a, overlap, first.ids.size), best_other(b, overlap, second.ids.size)
    share_a, share_b = shared / (shared + rival_a), shared / (shared + rival_b)
    by_overlap = np.stack(
        [
            overlap,
            shared / smaller,
            shared / larger,
            np.log(smaller / larger),
            between / (radius + np.sqrt(larger / np.pi)),
            np.log1p(depth / motion),
            np.minimum(depth / np.maximum(own, 0.5), 1),
            np.minimum(share_a, share_b),
            np.maximum(share_a, share_b),
            np.minimum(other_a, other_b),
            np.maximum(other_a, other_b),
            np.full(a.size, np.log(motion)),
            np.log1p(np.sqrt(shared / np.pi) / motion),
            np.log(radius / motion),
        ],
        axis=1,
    )
    around = _surroundings(first, second, a, b, shared, by_overlap)
    return Evidence(a, b, shared, np.concatenate([by_overlap, around], axis=1))


def _surroundings(
    first: Objects,
    second: Objects,
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    shared: NDArray[np.float64],
    by_overlap: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The clues that need third objects, (n, len(CLUES) - BY_OVERLAP)."""
    n_a, n_b = first.ids.size, second.ids.size
    guess = first_guess(by_overlap)
    chance = np.where(by_overlap[:, CLUES.index("inside")] < _TOUCH_ONLY, _UNLIKELY, guess)
    likeness, common, beside_a, beside_b = common_surroundings(
        first.touch.matrix(n_a), second.touch.matrix(n_b), a, b, chance
    )
    border_a, border_b = first.touch.perimeter(n_a)[a], second.touch.perimeter(n_b)[b]
    beside_a, beside_b = beside_a / np.maximum(border_a, 1), beside_b / np.maximum(border_b, 1)
    claim_a, claim_b = best_other(a, chance, n_a), best_other(b, chance, n_b)
    on_a, on_b = np.bincount(a, shared, n_a)[a], np.bincount(b, shared, n_b)[b]
    cover_a, cover_b = on_a / np.maximum(on_a, first.area[a]), on_b / np.maximum(on_b, second.area[b])
    disc_a, disc_b = (2 * np.sqrt(np.pi * x) for x in (first.area[a], second.area[b]))
    round_a = np.minimum(disc_a / np.maximum(border_a, 1), 2)
    round_b = np.minimum(disc_b / np.maximum(border_b, 1), 2)
    pairs = ((beside_a, beside_b), (claim_a, claim_b), (cover_a, cover_b), (round_a, round_b))
    ordered = [f(x, y) for x, y in pairs for f in (np.minimum, np.maximum)]
    common = common / np.maximum(np.minimum(border_a, border_b), 1)
    return np.stack([likeness, common, *ordered, log_odds(guess)], axis=1)


def tabulate(
    labels: NDArray[Any], pixel_nm: float = NOMINAL_NM, image: NDArray[Any] | None = None
) -> Objects:
    """List the objects of one section.

    Parameters
    ----------
    labels : ndarray of int (y, x)
        Object ids; 0 is none.
    pixel_nm : float
        Pixel size: how far objects that touch may be apart.
    image : ndarray (y, x), optional
        The picture of the section, which tells how objects look inside.

    Returns
    -------
    Objects
    """
    import edt
    import fastremap

    dense, table = fastremap.renumber(np.ascontiguousarray(labels), preserve_zero=True, in_place=False)
    ids = np.zeros(len(table) + 1, np.int64)
    for old, new in table.items():
        ids[int(new)] = old
    n = int(dense.max(initial=0))
    depth = edt.edt(dense, black_border=False, parallel=1)  # faster before the labels are widened
    # An object that fills the section has no border at all.
    np.minimum(depth, np.float32(max(dense.shape)), out=depth)
    dense = dense.astype(np.uint32, copy=False)
    starts = run_starts(dense)
    area, centre = areas_and_centres(dense, Runs.at(starts), n)
    edge = np.concatenate([*dense[:_RIM_PX], *dense[-_RIM_PX:], *dense.T[:_RIM_PX], *dense.T[-_RIM_PX:]])
    rim = np.bincount(edge, minlength=n + 1)[1 : n + 1]
    touch = touching(dense, max(2, round(REACH_NM / pixel_nm)))
    look = np.full((n, 2), np.nan, np.float32) if image is None else textures(dense, image)
    borders = coarse_borders(dense)
    return Objects(dense, ids[1 : n + 1], area, centre, depth, touch, rim, borders, look, starts)


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


def best_other(end: NDArray[np.int64], value: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """For every pair the highest value among the other pairs of the same object; 0 if there is none."""
    best, second = np.zeros(n), np.zeros(n)
    holder = np.full(n, -1)
    order = np.argsort(value, kind="stable")
    best[end[order]] = value[order]  # written lowest first, so that the highest remains
    holder[end[order]] = order
    rest = order[holder[end[order]] != order]
    second[end[rest]] = value[rest]
    return np.where(holder[end] == np.arange(end.size), second[end], best[end])
