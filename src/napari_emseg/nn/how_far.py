"""How far weights may move from where they were, before anything is tried: by how well the starting model does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_GOOD, _POOR = 4.0, 14.0  # edits per 100 objects before: little of what is learned is tried, or all of it
_LEAST = 0.2
_FEW = 80.0  # objects: fewer teach too little for the whole way (a region of 17: 20 edits on other sections, 7.5 before)


@dataclass(frozen=True)
class Verdict:
    """What the held-out scores of the maps say, before any wall is judged.

    Parameters
    ----------
    share : float
        How far the weights may move, 0 to 1.
    shift : float
        Of the membrane's log-odds.
    before, after : dict
        Scores; empty without held-out tissue.
    tried : tuple of dict
        Scores of every share that was compared.
    """

    share: float
    shift: float
    before: dict[str, float]
    after: dict[str, float]
    tried: tuple[dict[str, float], ...] = ()


def how_far(before: Mapping[str, float]) -> float:
    """How much of a learned change to try, from how well the starting model does: a fifth to all of it.

    Few objects say little about a model: it counts as one that needs as many edits as it well may. They teach little,
    too: unless it surely is a poor one, only a part of the change holds elsewhere.
    """
    if "edits_per_100_objects" not in before:
        return 1.0
    edits, objects = before["edits_per_100_objects"], before.get("objects")
    if not objects:
        return min(1.0, max(_LEAST, _need(edits)))
    chance = 100 / objects * math.sqrt(edits * objects / 100 + 1)
    most = max(objects / _FEW, _need(edits - chance))
    return min(1.0, max(_LEAST, min(most, _need(edits + chance))))


def _need(edits: float) -> float:
    return (edits - _GOOD) / (_POOR - _GOOD)


def candidates(share: float, *, is_one: bool = False) -> tuple[float, ...]:
    """Shares to compare with staying; a model that was poor moves all the way or not at all.

    The halves of one section are more alike than sections are, so they call for too much: no more than `share` then.
    """
    if share == 1:
        return (1.0,)
    return (share / 2, share) if is_one else (share / 2, share, min(1.0, 2 * share))
