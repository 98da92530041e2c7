"""Small repairs of a segmentation: crumbs and holes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contacts import contacts

if TYPE_CHECKING:
    from numpy.typing import NDArray


def join_small(
    labels: NDArray[np.uint32],
    boundary: NDArray[Any],
    min_size: float,
    *,
    keep: NDArray[np.integer] | None = None,
    large: NDArray[np.integer] | None = None,
) -> NDArray[np.uint32]:
    """Give segments that are too small to the neighbour with the weakest membrane between them.

    Parameters
    ----------
    labels : ndarray of uint32 (y, x) or (z, y, x)
        Segment ids; 0 belongs to nobody.
    boundary : ndarray, same shape
        Membrane probability.
    min_size : float
        Smallest size in pixels that stays by itself.
    keep : ndarray of int, optional
        Ids that neither change nor take in others, such as those that people drew.
    large : ndarray of int, optional
        Ids that are never too small. They do take in others.

    Returns
    -------
    ndarray of uint32
        A segment that touches no other stays, however small.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    while True:
        size = np.bincount(labels.ravel())
        small = (size > 0) & (size < min_size)
        small[0] = False
        if large is not None:
            small[large[large < size.size].astype(np.int64)] = False
        banned = np.zeros(size.size, bool)
        if keep is not None:
            banned[keep[keep < size.size].astype(np.int64)] = True
        small &= ~banned
        if not small.any():
            return labels
        pairs = contacts(labels, boundary, only=small)
        pairs = pairs.where(~banned[pairs.a] & ~banned[pairs.b])
        if pairs.a.size == 0:
            return labels
        best = _weakest_border(
            np.r_[pairs.a, pairs.b], np.r_[pairs.b, pairs.a], np.r_[pairs.boundary, pairs.boundary]
        )
        source = np.array([s for s in best if small[s]], dtype=np.int64)
        target = np.array([best[s] for s in source.tolist()], dtype=np.int64)
        graph = coo_array((np.ones(source.size), (source, target)), shape=(size.size, size.size))
        _, group = connected_components(graph, directed=False)
        # Every group holds one large segment at most: it, or the largest crumb, gives the name.
        order = np.lexsort((size, ~small))
        name = np.zeros(group.max() + 1, np.uint32)
        name[group[order]] = order
        labels = name[group][labels]


def _weakest_border(
    one: NDArray[np.int64], other: NDArray[np.int64], boundary: NDArray[np.float64]
) -> dict[int, int]:
    """For every segment the neighbour with the lowest mean boundary."""
    order = np.lexsort((-other, -boundary))
    # Written worst first, so that the weakest border is the one that remains.
    return dict(zip(one[order].tolist(), other[order].tolist(), strict=True))


def join_weak(
    labels: NDArray[np.uint32],
    boundary: NDArray[Any],
    max_size: float,
    weak: tuple[float, float],
    *,
    keep: NDArray[np.integer] | None = None,
) -> NDArray[np.uint32]:
    """Join fragments to a neighbour that only a weak membrane divides them from, the weakest one first.

    Parameters
    ----------
    labels, boundary, keep
        As in `join_small`.
    max_size : float
        Of two segments that are as large as this in pixels, or have become so, neither joins the other.
    weak : (float, float)
        Lowest mean of the boundary along a common border, which is no membrane below, and the one from which on both stay.

    Returns
    -------
    ndarray of uint32
        The larger of two segments gives the id.

    Examples
    --------
    >>> labels = np.array([[1, 1, 1, 1, 2, 3, 3, 3]], np.uint32)
    >>> boundary = np.array([[0, 0, 0, 0, 0.4, 0.9, 0, 0]])
    >>> join_weak(labels, boundary, 3, (0.3, 0.75))
    array([[1, 1, 1, 1, 1, 3, 3, 3]], dtype=uint32)
    """
    size = np.bincount(labels.ravel())
    small = size < max_size
    small[0] = False
    pairs = contacts(labels, boundary, only=small)
    usable = (pairs.boundary >= weak[0]) & (pairs.boundary < weak[1])
    if keep is not None:
        banned = np.isin(np.arange(size.size), keep)
        usable &= ~banned[pairs.a] & ~banned[pairs.b]
    pairs = pairs.where(usable)
    if pairs.a.size == 0:
        return labels
    root = list(range(size.size))

    def root_of(k: int) -> int:
        while root[k] != k:
            root[k] = root[root[k]]
            k = root[k]
        return k

    order = np.argsort(pairs.boundary, kind="stable")
    for a, b in zip(pairs.a[order].tolist(), pairs.b[order].tolist(), strict=True):
        less, more = sorted((root_of(a), root_of(b)), key=lambda k: (size[k], -k))
        if less != more and size[less] < max_size:
            root[less] = more
            size[more] += size[less]
    return np.array([root_of(k) for k in range(size.size)], np.uint32)[labels]


def fill_holes(labels: NDArray[Any]) -> NDArray[Any]:
    """Give background that is enclosed by a single segment to it, section by section.

    Parameters
    ----------
    labels : ndarray of non-negative integers (y, x) or (z, y, x)

    Returns
    -------
    ndarray of the same type
        A copy. Background that touches the edge of the section or two segments stays.
    """
    import cc3d

    if labels.ndim == 3:
        return np.stack([fill_holes(section) for section in labels]) if len(labels) else labels.copy()
    gaps = cc3d.connected_components((labels == 0).astype(np.uint8), connectivity=4)
    # Gaps get numbers above all objects, so that one table of contacts says who borders on whom. Objects go by
    # their rank: ids may need more bits than a number beside them leaves.
    ids, rank = np.unique(labels, return_inverse=True)
    top = ids.size
    both = np.where(gaps > 0, gaps.astype(np.int64) + top, rank.reshape(labels.shape) + 1)
    pairs = contacts(both, np.zeros(labels.shape, np.float32))
    gap = pairs.b - top
    beside = pairs.a - 1
    between = gap > 0
    gap, beside = gap[between], beside[between]
    n_beside = np.bincount(gap, minlength=int(gaps.max(initial=0)) + 1)
    for edge in (gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1]):
        n_beside[edge] = 0
    owner = np.zeros(n_beside.size, labels.dtype)
    owner[gap] = ids[beside]
    owner[n_beside != 1] = 0
    return np.where(gaps > 0, owner[gaps], labels)
