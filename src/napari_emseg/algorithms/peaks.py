"""Peaks of a height map that stand out from their surroundings (h-maxima), and the hill of each.

Every pixel climbs to its steepest neighbour until it stands on a peak; neighbouring hills are then joined,
highest pass first, while the lower of two peaks rises above the pass by less than the tolerance. This gives
the h-maxima of the map and its watershed in one go, in time linear in the pixels.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_IN_32_BITS = int(np.iinfo(np.int32).max)
"""Arrays with more pixels need 64 bits for the place of one; others are quicker with 32."""


def hills(
    height: NDArray[np.float32], tolerance: float, *, areas: NDArray[np.integer] | None = None
) -> NDArray[np.signedinteger]:
    """Divide everything that is higher than zero into hills.

    Parameters
    ----------
    height : ndarray of float32 (y, x) or (z, y, x)
        Zero is ground, which belongs to no hill.
    tolerance : float
        Two peaks make one hill unless the pass between them lies lower than the lower peak by this.
        In units of ``height``.
    areas : ndarray of int, same shape, optional
        No hill reaches from one of these into another: hills meet at corners too, and what touches at a corner
        only may be two cells.

    Returns
    -------
    ndarray of int32
        Hill number from 1, in raster order of the peaks; 0 on the ground. int64 from 2**31 pixels on.

    Notes
    -----
    The criterion is the dynamics of Grimaud 1992, doi:10.1117/12.60650. Plateaus count once.
    """
    padded = np.pad(height, 1)
    flat = padded.ravel()
    offsets = _half_neighbourhood(padded.shape)
    apart = None if areas is None else np.pad(areas, 1).ravel()
    top = _climb(padded, offsets, apart)
    # Peak 0 is the padding: ground.
    peaks = np.flatnonzero(top == np.arange(top.size, dtype=top.dtype))
    number = np.zeros(top.size, top.dtype)
    number[peaks] = np.arange(peaks.size, dtype=top.dtype)
    basin = number[top]
    a, b, saddle = _passes(basin, flat, offsets, peaks.size)
    if apart is not None:
        same = apart[peaks][a] == apart[peaks][b]
        a, b, saddle = a[same], b[same], saddle[same]
    root = join_basins(a, b, saddle, flat[peaks], tolerance)
    names = np.cumsum(root == np.arange(root.size)) - 1
    numbers = names[root].astype(top.dtype)
    inner = tuple(slice(1, -1) for _ in height.shape)
    result: NDArray[np.signedinteger] = numbers[basin].reshape(padded.shape)[inner]
    return result


def _half_neighbourhood(shape: tuple[int, ...]) -> list[int]:
    """Flat offsets to the neighbours (corners included) that come later in raster order."""
    strides = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
    offsets = (
        sum(s * k for s, k in zip(strides, step, strict=True))
        for step in product((-1, 0, 1), repeat=len(shape))
    )
    return sorted(offset for offset in offsets if offset > 0)


def _climb(
    padded: NDArray[np.float32], offsets: list[int], apart: NDArray[np.integer] | None = None
) -> NDArray[np.signedinteger]:
    """Flat index of the peak above every pixel; ground pixels all go to index 0."""
    flat = padded.ravel()
    size = flat.size
    best = flat.copy()
    # Equal heights are climbed towards the later pixel only, so that nobody walks in circles.
    ways = [0, *(-o for o in reversed(offsets)), *offsets]
    way = np.zeros(size, np.uint8)
    for number, offset in enumerate(ways[1:], start=1):
        here = slice(max(0, -offset), size - max(0, offset))
        there = slice(max(0, offset), size + min(0, offset))
        beside = flat[there] if apart is None else flat[there] * (apart[there] == apart[here])
        higher = beside > best[here] if offset < 0 else beside >= best[here]
        np.maximum(best[here], beside, out=best[here])
        # Numbers grow from way to way, so the largest is the last that led up.
        np.maximum(way[here], higher.view(np.uint8) * np.uint8(number), out=way[here])
    index = np.dtype(np.int32 if size <= _MOST_IN_32_BITS else np.int64)
    up: NDArray[np.signedinteger] = np.arange(size, dtype=index)
    up += np.array(ways, index)[way]
    up[flat <= 0] = 0
    while True:
        further = up[up]
        if np.array_equal(further, up):
            return up
        up = further


def _passes(
    basin: NDArray[np.signedinteger], height: NDArray[np.float32], offsets: list[int], n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Highest pass between every two basins that touch above the ground."""
    keys, saddles = [], []
    for offset in offsets:
        one, other = basin[:-offset], basin[offset:]
        at = np.flatnonzero((one != other) & (one > 0) & (other > 0))
        first, second = one[at].astype(np.int64), other[at].astype(np.int64)
        keys.append(np.minimum(first, second) * n + np.maximum(first, second))
        saddles.append(np.minimum(height[at], height[at + offset]))
    key, saddle = np.concatenate(keys), np.concatenate(saddles)
    order = np.lexsort((-saddle, key))
    key, saddle = key[order], saddle[order]
    first_of_key = np.r_[True, key[1:] != key[:-1]] if key.size else np.zeros(0, bool)
    key, saddle = key[first_of_key], saddle[first_of_key]
    return key // n, key % n, saddle


def join_basins(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    saddle: NDArray[Any],
    peak: NDArray[Any],
    tolerance: float,
) -> NDArray[np.int64]:
    """Root basin of every basin, joining over the highest passes first.

    Parameters
    ----------
    a, b : ndarray of int64 (m,)
        Basins on both sides of a pass.
    saddle : ndarray (m,)
        Height of the highest pass between them.
    peak : ndarray (n,)
        Height of each basin's peak.
    tolerance : float
        Joined unless the pass is lower than the lower peak by this.
    """
    parent = list(range(peak.size))
    tops = peak.tolist()

    def find(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    # A pass so low that neither basin's own peak is within the tolerance can never join anything.
    useful = np.minimum(peak[a], peak[b]) - saddle < tolerance
    a, b, saddle = a[useful], b[useful], saddle[useful]
    order = np.argsort(-saddle, kind="stable")
    for i, j, s in zip(a[order].tolist(), b[order].tolist(), saddle[order].tolist(), strict=True):
        one, other = find(i), find(j)
        if one == other:
            continue
        if tops[one] < tops[other]:
            one, other = other, one
        if tops[other] - s < tolerance:
            parent[other] = one
    return np.array([find(k) for k in range(peak.size)], dtype=np.int64)
