"""What becomes of a learned change: how much of it is tried and kept, and when it is thrown away."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_ONE = 0.4  # of the way that suits a single section
_OF_ONE_STRANGER = 0.75  # the same for a model that has never seen anything like it


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


def of_one(tried: float, *, stranger: bool) -> float:
    """How far to go after a single section: farther on, V_rand falls on the others."""
    if stranger:
        return _OF_ONE_STRANGER * tried
    return tried * (_OF_ONE if tried < 1 else 1.0)


def candidates(share: float, *, is_one: bool = False) -> tuple[float, ...]:
    """Shares to compare with staying; a model that was poor moves all the way or not at all.

    The halves of one section are more alike than sections are, so they call for too much: no more than `share` then.
    """
    if share == 1:
        return (1.0,)
    return (share / 2, share) if is_one else (share / 2, share, min(1.0, 2 * share))


def surely_worse(before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    """Whether a model does worse by more than chance: an edit more among a few objects says nothing."""
    if not (objects := after.get("objects")):
        return False
    edits = before["edits_per_100_objects"]
    more = after["edits_per_100_objects"] - edits
    return more > chance_of(edits, objects) and after["v_rand"] < before["v_rand"]


def chance_of(edits: float, objects: float) -> float:
    """By how many edits per 100 objects another day may differ."""
    return 100 / objects * math.sqrt(edits * objects / 100 + 1)
