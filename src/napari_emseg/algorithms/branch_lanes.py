"""Where the pieces of a branching object are drawn: section by section downwards, every branch in a lane of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def lanes(
    section: NDArray[np.int64], size: NDArray[np.float64], edges: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Give every piece a lane, so that no two of a section share one.

    Parameters
    ----------
    section : ndarray of int (n,)
        Of every piece, ascending.
    size : ndarray of float (n,)
        Its area; the largest continuation keeps the lane.
    edges : ndarray of int (m, 2)
        Linked pieces, the one of the earlier section first.

    Returns
    -------
    ndarray of int (n,)
        From 0. A lane that has ended is given to a later branch, the nearest free one to where that comes from.
    """
    n = section.size
    up: list[list[int]] = [[] for _ in range(n)]
    last = section.copy()  # a lane is taken until the section of the last continuation
    for a, b in edges.tolist():
        up[b].append(a)
        last[a] = max(last[a], section[b])
    lane = np.full(n, -1, np.int64)
    taken: dict[int, int] = {}  # lane to the piece that has it
    order = np.lexsort((-size, section))
    bounds = np.flatnonzero(np.r_[True, np.diff(section[order]) > 0]) if n else np.zeros(0, np.int64)
    for here in np.split(order, bounds[1:]) if n else ():
        z = section[here[0]]
        taken = {k: piece for k, piece in taken.items() if last[piece] >= z}
        waiting = []
        for piece in here.tolist():  # the largest first: it goes on straight
            own = [int(lane[p]) for p in up[piece] if taken.get(int(lane[p])) == p]
            if own:
                lane[piece] = min(own)
                taken[int(lane[piece])] = piece
            else:
                waiting.append(piece)
        for piece in waiting:
            origin = [int(lane[p]) for p in up[piece]]
            lane[piece] = _nearest_free(origin[0] if origin else 0, taken)
            taken[int(lane[piece])] = piece
    return lane


def _nearest_free(wanted: int, taken: dict[int, int]) -> int:
    for step in range(len(taken) + wanted + 1):
        for lane in (wanted + step, wanted - step):
            if lane >= 0 and lane not in taken:
                return lane
    return len(taken) + wanted + 1
