"""Which objects have become other objects since two copies of a project parted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.codec import unpack_extras
from napari_emseg.core.moments import steps_since

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_emseg.core.journal import Journal


def merged_since(journal: Journal, position: int) -> dict[int, int]:
    """Objects that were merged, or got another id, after a place in the log, and what they are now.

    Deleted objects are left out: what somebody else adds to them is no part of anything.

    Parameters
    ----------
    journal : Journal
    position : int

    Returns
    -------
    dict of int to int
        Empty where all of that was undone.
    """
    found: dict[int, int] = {}
    for number, direction in steps_since(journal, position):
        if direction != 1:  # what was done before they parted, and undone since, is no new object
            continue
        change = unpack_extras(journal.query("SELECT extras FROM edits WHERE id = ?", number)[0][0])[2]
        if change is None:
            continue
        pairs = dict(change.pairs)
        found = {old: pairs.get(new, new) for old, new in found.items()} | {
            old: new for old, new in pairs.items() if old not in found
        }
    return {old: new for old, new in found.items() if new not in (0, old)}


def renamed(ids: NDArray[np.unsignedinteger], names: Mapping[int, int]) -> NDArray[np.unsignedinteger]:
    """Ids with other names; a copy."""
    out = ids.copy()
    for old in np.unique(ids).tolist():
        if old in names:
            out[ids == old] = names[old]
    return out
