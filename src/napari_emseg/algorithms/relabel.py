"""Giving new segments the ids that people know them by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contingency import contingency

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A pixel face shared with an object outside the box speaks as loudly as this many pixels inside.
_FACE_WEIGHT = 8


def keep_ids(
    labels: NDArray[Any], before: NDArray[Any], around: NDArray[Any] | None = None
) -> dict[int, int]:
    """Find the old id that each new segment of one section, or of several at once, should carry.

    Parameters
    ----------
    labels : ndarray of int (y, x) or (z, y, x)
        New segments; 0 is none.
    before : ndarray of int, same shape
        Ids in the same box before; 0 is none.
    around : ndarray of int (y + 2, x + 2) or (z, y + 2, x + 2), optional
        ``before`` with a margin of one pixel on every side of a section, 0 outside the image: segments that touch the
        edge of the box also take the id of the object that they continue.

    Returns
    -------
    dict of int to int
        New segment to old id. Every old id goes to one segment at most, the one that shares most with it;
        it must share half of the smaller of the two, or a piece of the edge.
    """
    table = contingency(labels, before)
    table = table.where((table.a > 0) & (table.b > 0))
    sizes = [np.unique(x, return_counts=True) for x in (labels, before)]
    size_new, size_old = (dict(zip(ids.tolist(), n.tolist(), strict=True)) for ids, n in sizes)
    weight: dict[tuple[int, int], int] = {}
    for new, old, n in zip(table.a.tolist(), table.b.tolist(), table.count.tolist(), strict=True):
        if 2 * n >= min(size_new[new], size_old[old]):
            weight[new, old] = n
    if around is not None:
        for new, old in _edge_pairs(labels, around):
            weight[new, old] = weight.get((new, old), 0) + _FACE_WEIGHT
    given: dict[int, int] = {}
    taken: set[int] = set()
    for (new, old), _ in sorted(weight.items(), key=lambda item: (-item[1], item[0])):
        if new not in given and old not in taken:
            given[new] = old
            taken.add(old)
    return given


def around_painted(segments: NDArray[Any], painted: NDArray[Any], above: int) -> NDArray[np.int64]:
    """Segments of one section around what is painted there, which keeps its pixels.

    Parameters
    ----------
    segments : ndarray of int (y, x)
        New segments; 0 is none.
    painted : ndarray of int (y, x)
        Ids that are there already; 0 is none.
    above : int
        Not lower than any painted id.

    Returns
    -------
    ndarray of int64 (y, x)
        Painted ids where something is painted. A segment in which a painted object lies has its id, see `keep_ids`; the others
        are numbered from ``above + 1``.
    """
    names = np.arange(int(segments.max(initial=0)) + 1, dtype=np.int64) + above
    names[0] = 0
    for segment, old in keep_ids(segments, painted).items():
        names[segment] = old
    return np.where(painted > 0, painted.astype(np.int64), names[segments])


def in_32_bits(ids: NDArray[Any]) -> NDArray[np.uint32]:
    """Ids of one section as 32-bit numbers that tell the same objects apart.

    Parameters
    ----------
    ids : ndarray of non-negative integers
        0 is none and stays 0.

    Returns
    -------
    ndarray of uint32, same shape
        The ids themselves where they fit, numbers from 1 where some do not: cutting bits off could make
        one object of two, or none of one. The highest number of 32 bits is never used.
    """
    if int(ids.max(initial=0)) < np.iinfo(np.uint32).max:
        return ids.astype(np.uint32)
    there = ids != 0
    dense = np.zeros(ids.shape, np.uint32)
    dense[there] = np.unique(ids[there], return_inverse=True)[1] + 1
    return dense


def _edge_pairs(labels: NDArray[Any], around: NDArray[Any]) -> list[tuple[int, int]]:
    """Every pixel face between a segment at the edge of the box and an object outside."""
    edges = [labels[..., 0, :], labels[..., -1, :], labels[..., 0], labels[..., -1]]
    beside = [around[..., 0, 1:-1], around[..., -1, 1:-1], around[..., 1:-1, 0], around[..., 1:-1, -1]]
    inside, outside = (np.concatenate([part.ravel() for part in parts]) for parts in (edges, beside))
    both = (inside > 0) & (outside > 0)
    return list(zip(inside[both].tolist(), outside[both].tolist(), strict=True))
