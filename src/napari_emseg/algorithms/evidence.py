"""What the overlap of two sections says about every pair of objects that could be one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.assignment import assign

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAST_MOTION_PX = 0.3  # borders on a pixel grid are never known better
_LARGE_ENOUGH_PX = 30  # objects that tell how borders move
_UNKNOWN_MOTION_PX = 5.0  # where no object is large enough to tell


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
    depth : ndarray of float32 (y, x)
        Distance to the nearest pixel of another object or of none, in pixels; the edge of the section is
        no border.
    """

    dense: NDArray[np.uint32]
    ids: NDArray[np.int64]
    area: NDArray[np.float64]
    centre: NDArray[np.float64]
    depth: NDArray[np.float32]


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
    motion_px : float
        How far borders move between the two sections.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    shared: NDArray[np.float64]
    clues: NDArray[np.float64]
    motion_px: float


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
)


def gather(first: Objects, second: Objects) -> Evidence:
    """Measure every pair of objects that overlaps.

    Parameters
    ----------
    first, second : Objects
        Two sections, the first moved onto the second.

    Returns
    -------
    Evidence
        Sorted by ``a`` then ``b``. All clues are the same whichever section comes first.
    """
    a, b, shared, depth = _overlaps(first, second)
    area_a, area_b = np.maximum(first.area[a], shared), np.maximum(second.area[b], shared)
    overlap = shared / (area_a + area_b - shared)
    matched = assign(a, b, 1 - overlap, first.ids.size, second.ids.size, 0.5)
    motion = border_motion(area_a[matched], area_b[matched], shared[matched])
    motion = max(motion, _LEAST_MOTION_PX) if np.isfinite(motion) else _UNKNOWN_MOTION_PX
    smaller, larger = np.minimum(area_a, area_b), np.maximum(area_a, area_b)
    radius = np.sqrt(smaller / np.pi)
    between = np.hypot(*(second.centre[b] - first.centre[a]).T)
    own = np.minimum(_deepest(first)[a], _deepest(second)[b])
    rival_a, rival_b = best_other(a, shared, first.ids.size), best_other(b, shared, second.ids.size)
    other_a, other_b = best_other(a, overlap, first.ids.size), best_other(b, overlap, second.ids.size)
    share_a, share_b = shared / (shared + rival_a), shared / (shared + rival_b)
    clues = np.stack(
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
    return Evidence(a, b, shared, clues, motion)


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
    import edt
    import fastremap

    dense, table = fastremap.renumber(np.ascontiguousarray(labels), preserve_zero=True, in_place=False)
    ids = np.zeros(len(table) + 1, np.int64)
    for old, new in table.items():
        ids[int(new)] = old
    n = int(dense.max(initial=0))
    dense = dense.astype(np.uint32, copy=False)
    statistics = cc3d.statistics(dense, no_slice_conversion=True)
    area = statistics["voxel_counts"][1 : n + 1].astype(np.float64)
    depth = edt.edt(dense, black_border=False, parallel=1)
    # An object that fills the section has no border at all.
    depth = np.minimum(depth, np.float32(max(dense.shape)))
    return Objects(dense, ids[1 : n + 1], area, statistics["centroids"][1 : n + 1], depth)


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


def _overlaps(
    first: Objects, second: Objects
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Pairs with common pixels: objects, number of pixels, and the depth of the deepest."""
    one, two = first.dense.ravel(), second.dense.ravel()
    at = np.flatnonzero((one > 0) & (two > 0))
    width = second.ids.size
    key = (one[at].astype(np.int64) - 1) * width + (two[at].astype(np.int64) - 1)
    depth = np.minimum(first.depth.ravel()[at], second.depth.ravel()[at])
    if first.ids.size * width <= 8 * max(at.size, 1 << 16):
        count = np.bincount(key, minlength=1)
        deepest = np.zeros(count.size, np.float32)
        np.maximum.at(deepest, key, depth)
        keys = np.flatnonzero(count)
        count, deepest = count[keys], deepest[keys]
    else:
        keys, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
        deepest = np.zeros(keys.size, np.float32)
        np.maximum.at(deepest, inverse, depth)
    return keys // max(width, 1), keys % max(width, 1), count.astype(float), deepest.astype(float)


def _deepest(objects: Objects) -> NDArray[np.float32]:
    """Greatest depth of every object."""
    deepest = np.zeros(objects.ids.size + 1, np.float32)
    np.maximum.at(deepest, objects.dense.ravel(), objects.depth.ravel())
    return deepest[1:]


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
