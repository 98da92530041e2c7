"""How sure a link is, now that all have been made: what it says itself, and what the others say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.evidence import CLUES, best_other
from napari_emseg.algorithms.likelihood import network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.algorithms.strands import Pieces

_NONE = -9.0  # log-odds of a link that is not there


def confidence(pieces: Pieces, group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probability that the two pieces of every possible link are one object, given what was joined.

    Parameters
    ----------
    pieces : Pieces
    group : ndarray of int64 (n,)
        Object of every piece.

    Returns
    -------
    ndarray of float64 (m,)
        For the pairs ``pieces.u``, ``pieces.v``; of those that were not joined, what they say by themselves.
    """
    told = network("confidence").log_odds(traits(pieces, group))
    # Two judges who err in different places: the pair by itself, and the pair within its object.
    is_joined = group[pieces.u] == group[pieces.v]
    odds = np.where(is_joined, (told + pieces.log_odds) / 2, pieces.log_odds)
    return np.asarray(1 / (1 + np.exp(-odds)))


def traits(pieces: Pieces, group: NDArray[np.int64]) -> NDArray[np.float64]:
    """What tells right links from wrong ones, (m, n): the clues of the pair and how it fits into its object.

    Parameters
    ----------
    pieces : Pieces
    group : ndarray of int64 (n,)
    """
    u, v, n = pieces.u, pieces.v, pieces.area.size
    odds = pieces.log_odds
    is_joined = group[u] == group[v]
    against = np.where(is_joined, _NONE, odds)  # what would have led elsewhere
    agreeing = np.where(is_joined, odds, _NONE)
    rival_u, rival_v = (_highest(k, against, n)[k] for k in (u, v))
    friend_u, friend_v = (best_other(k, agreeing - _NONE, n) + _NONE for k in (u, v))
    back_u = _highest(v, agreeing, n)[u]  # how surely the earlier piece came from where it is said to
    on_v = _highest(u, agreeing, n)[v]
    area_u, area_v = pieces.area[u], pieces.area[v]
    depth = int(pieces.section.max(initial=0)) + 1
    cell = np.unique(group * depth + pieces.section, return_inverse=True)[1]
    area_in_section = np.bincount(cell, pieces.area)[cell] if n else np.zeros(0)
    volume = np.bincount(group, pieces.area, n) if n else np.zeros(0)
    part_u, part_v = area_u / area_in_section[u], area_v / area_in_section[v]
    pairs = (
        (rival_u, rival_v), (friend_u, friend_v), (back_u, on_v), (np.log(area_u), np.log(area_v)),
        (np.log(part_u), np.log(part_v)), (odds - rival_u, odds - rival_v),
    )  # fmt: skip
    ordered = [f(x, y) for x, y in pairs for f in (np.minimum, np.maximum)]
    smaller = np.minimum(area_u, area_v)
    columns = [odds, *ordered, np.log(volume[group[u]]), np.log(smaller * pieces.pixel_nm**2)]
    if not u.size:
        return np.zeros((0, len(columns) + len(CLUES)))
    return np.column_stack([*columns, pieces.clues]).astype(np.float64)


def _highest(end: NDArray[np.int64], value: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """For every piece the highest value among its pairs."""
    highest = np.full(n, _NONE)
    np.maximum.at(highest, end, value)
    return highest
