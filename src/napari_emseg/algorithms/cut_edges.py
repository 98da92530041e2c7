"""Where labels end because somebody stopped there, and not because a membrane lies there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

STRAIGHT_PX = 64
"""A border of one object that follows an axis to the pixel for so long was cut: cells are not so straight."""

_SHARED_PX = 32
"""Objects that touch do not end on one line for so long, even where a round bundle of them is flat ..."""

_STEP_PX = 8
"""... if at least two of them have so much of it."""


def beyond_cuts(labels: NDArray[Any], reach_px: float) -> NDArray[np.bool_]:
    """Pixels without an id beside the straight edge of a labelled part of a section.

    Who labels what is on the screen leaves a rectangle, or several that overlap, whose edges go through cells. Such an
    edge follows an axis to the pixel, for 32 pixels where several objects that touch end on it, for `STRAIGHT_PX` of one object.

    Parameters
    ----------
    labels : ndarray of int (y, x)
        Object ids, 0 is border or outside.
    reach_px : float
        How far beyond an edge pixels are meant, in pixels. Gaps between objects that are not wider than twice this are
        membranes, and no edge.

    Returns
    -------
    ndarray of bool (y, x)
    """
    labels = np.asarray(labels)
    found = np.zeros(labels.shape, bool)
    reach = math.ceil(reach_px)
    for turned, marks in (
        (labels, found),
        (labels[::-1], found[::-1]),
        (labels.T, found.T),
        (labels.T[::-1], found.T[::-1]),
    ):
        for y, x0, x1 in _cuts(turned, 2 * reach + 1):
            marks[y + 1 : y + 1 + reach, max(x0 - reach, 0) : x1 + reach] = True
    found &= labels == 0
    return found


def _cuts(labels: NDArray[Any], depth: int) -> Iterator[tuple[int, int, int]]:
    """Edges below which nothing is labelled for so many rows, or as far as the section goes.

    Each is the last labelled row, its first column, and the one behind its last.
    """
    empty = np.pad(labels == 0, ((0, depth), (0, 0)), constant_values=True)
    above = np.cumsum(np.pad(empty, ((1, 0), (0, 0))), axis=0, dtype=np.int32)
    # rows y + 1 to y + depth are empty, and row y is not
    ends = ~empty[:-depth] & (above[depth + 1 :] - above[1:-depth] == depth)
    ends[-1:] = False  # there the section ends
    for y in np.flatnonzero(np.count_nonzero(ends, axis=1) >= _SHARED_PX).tolist():
        steps = np.flatnonzero(np.diff(ends[y].astype(np.int8), prepend=0, append=0))
        for x0, x1 in steps.reshape(-1, 2).tolist():
            if x1 - x0 < _SHARED_PX:
                continue
            _, widths = np.unique(labels[y, x0:x1], return_counts=True)
            if x1 - x0 >= STRAIGHT_PX or np.count_nonzero(widths >= _STEP_PX) > 1:
                yield y, x0, x1
