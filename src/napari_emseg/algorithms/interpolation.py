"""Shapes between two drawn sections."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.motion import translate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

_MARGIN_PX = 2  # room for the border of a shape that touches its box
_BRANCH_REACH = 2.0  # a branch begins at most this many of its diameters beside what it comes from


def between(one: NDArray[np.bool_], two: NDArray[np.bool_], part: float) -> NDArray[np.bool_]:
    """Shape on the way from one to another.

    Parameters
    ----------
    one, two : ndarray of bool (y, x)
        The same object in two sections, of one or several pieces.
    part : float
        0 gives the first, 1 the second.

    Returns
    -------
    ndarray of bool (y, x)
        Empty if either shape is.

    Notes
    -----
    Linear interpolation of the signed distance to the border (Raya and Udupa 1990, doi:10.1109/42.52980) of pieces that
    belong together, after both are moved so that their centres lie where the centre is by then: what runs aslant and
    no longer overlaps keeps its thickness. Pieces belong together where they overlap; the others go to the nearest, one to
    one. What is left over then is a branch of the nearest piece, or tapers off where none is near.
    """
    if not one.any() or not two.any():
        return np.zeros_like(one)
    first, second = _pieces(one), _pieces(two)
    joined, alone, lone = _partners(first, second)
    shape = np.zeros_like(one)
    for parts, ending, gone in ((first, alone, part), (second, lone, 1 - part)):
        if ending:
            shape |= np.isin(parts, ending) & _tapered(parts, gone)
    for a, b in joined:
        box = _box((first == a) | (second == b))
        shape[box] |= _moved(first[box] == a, second[box] == b, part)
    return shape


def signed_distance(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance to the border of a shape in pixels, positive inside; the border runs between pixels.

    Parameters
    ----------
    mask : ndarray of bool (y, x)
    """
    import edt

    size = np.float32(max(mask.shape))
    inside, outside = (
        np.minimum(edt.edt(np.ascontiguousarray(k), black_border=False, parallel=1), size)
        for k in (mask, ~mask)
    )
    return np.asarray(np.where(mask, inside - np.float32(0.5), np.float32(0.5) - outside), np.float32)


def fill_in(drawn: Mapping[int, NDArray[np.bool_]]) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Shapes of all sections between drawn ones.

    Parameters
    ----------
    drawn : mapping of section to ndarray of bool (y, x)
        The object where it is known; all of one extent.

    Yields
    ------
    (section, ndarray of bool (y, x))
        Every section between the first and the last drawn one that is not drawn.
    """
    known = sorted(z for z, mask in drawn.items() if mask.any())
    for before, after in pairwise(known):
        if after == before + 1:
            continue
        box = _box(drawn[before] | drawn[after])
        one, two = drawn[before][box], drawn[after][box]
        for z in range(before + 1, after):
            shape = np.zeros_like(drawn[before])
            shape[box] = between(one, two, (z - before) / (after - before))
            yield z, shape


def _pieces(mask: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Parts that hang together, corners included, numbered from 1."""
    import cc3d

    # cc3d 4.1 takes parts of truth values apart that touch at corners; of whole numbers it does not.
    eight_bits = np.ascontiguousarray(mask).view(np.uint8)
    parts = cc3d.connected_components(eight_bits, connectivity=8, out_dtype=np.uint32)
    return np.asarray(parts, np.uint32)


def _partners(
    first: NDArray[np.uint32], second: NDArray[np.uint32]
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Which pieces belong together, and those of either side that have nobody."""
    from scipy.optimize import linear_sum_assignment

    both = (first > 0) & (second > 0)
    joined = [(int(a), int(b)) for a, b in np.unique(np.stack([first[both], second[both]], 1), axis=0)]
    left = sorted(set(range(1, int(first.max()) + 1)) - {a for a, _ in joined})
    right = sorted(set(range(1, int(second.max()) + 1)) - {b for _, b in joined})
    if left and right:
        centres = [_centres(side)[free] for side, free in ((first, left), (second, right))]
        away = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=2)
        rows, columns = linear_sum_assignment(away)
        pairs = [(left[r], right[c]) for r, c in zip(rows.tolist(), columns.tolist(), strict=True)]
        joined += pairs
        left = sorted(set(left) - {a for a, _ in pairs})
        right = sorted(set(right) - {b for _, b in pairs})
    roots, alone = _roots(first, left, second)
    joined += roots
    roots, lone = _roots(second, right, first)
    return joined + [(a, b) for b, a in roots], alone, lone


def _roots(
    parts: NDArray[np.uint32], left: list[int], others: NDArray[np.uint32]
) -> tuple[list[tuple[int, int]], list[int]]:
    """For every piece that is left the nearest of the other section, and those that are too far from any."""
    if not left:
        return [], []
    from scipy import ndimage as ndi

    away, nearest = ndi.distance_transform_edt(others == 0, return_indices=True)
    depth = signed_distance(parts > 0)
    found, alone = [], []
    for k in left:
        y, x = np.nonzero(parts == k)
        at = int(away[y, x].argmin())
        if away[y[at], x[at]] <= _BRANCH_REACH * 2 * float(depth[y, x].max() + 0.5):
            root = others[tuple(nearest[:, y[at], x[at]])]
            found.append((k, int(root)))
        else:
            alone.append(k)
    return found, alone


def _moved(one: NDArray[np.bool_], two: NDArray[np.bool_], part: float) -> NDArray[np.bool_]:
    """One piece on its way to another; never nothing."""
    centres = [_centre(one), _centre(two)]
    here = (1 - part) * centres[0] + part * centres[1]
    near, far = (
        signed_distance(translate(mask, here - centre))
        for mask, centre in zip((one, two), centres, strict=True)
    )
    shape = np.asarray((1 - part) * near + part * far > 0)
    if not shape.any():
        # Thin and crossing shapes share nothing: the nearer one is better than a gap.
        nearer, centre = (one, centres[0]) if part < 0.5 else (two, centres[1])
        shape = translate(nearer, here - centre)
    return shape


def _tapered(parts: NDArray[np.uint32], part: float) -> NDArray[np.bool_]:
    """Pieces that end half-way to a section in which they are not."""
    from scipy import ndimage as ndi

    depth = signed_distance(parts > 0)
    deepest = np.asarray(ndi.maximum(depth, parts, np.arange(int(parts.max()) + 1)))
    return np.asarray((parts > 0) & ((depth > 2 * part * (deepest[parts] + 0.5)) | (part == 0)))


def _centres(parts: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Of every piece, (pieces + 1, 2)."""
    y, x = np.nonzero(parts)
    of, n = parts[y, x].astype(np.intp), int(parts.max()) + 1
    count = np.maximum(np.bincount(of, minlength=n), 1)
    return np.stack([np.bincount(of, k, n) / count for k in (y, x)], axis=1)


def _centre(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(np.argwhere(mask).mean(0))


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    spans = []
    for axis in (1, 0):
        at = np.flatnonzero(mask.any(axis))
        spans.append(slice(max(0, int(at[0]) - _MARGIN_PX), int(at[-1]) + 1 + _MARGIN_PX))
    return spans[0], spans[1]
