"""Counting what a label volume holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAST_PX = 20  # smaller profiles and overlaps do not make a branch


@dataclass(frozen=True)
class Census:
    """Ids by what they do: all, those that branch, and those that end inside the volume."""

    ids: frozenset[int]
    branching: frozenset[int]
    ending: frozenset[int]


def take_census(labels: NDArray[np.uint32]) -> Census:
    """Find the ids that branch or end.

    An object branches where one of its profiles overlaps two of its profiles in a neighbouring section. It
    ends inside where its first or last profile is neither in an outer section nor at the section's edge.

    Parameters
    ----------
    labels : ndarray (z, y, x) uint32
        Ids, 0 is nothing.
    """
    import cc3d

    profiles = [
        np.asarray(cc3d.connected_components(section[None], connectivity=26, out_dtype=np.uint32))[0]
        for section in labels
    ]
    branching: set[int] = set()
    for z in range(len(labels) - 1):
        below, above = profiles[z], profiles[z + 1]
        same = (labels[z] == labels[z + 1]) & (labels[z] != 0)
        pairs = np.stack([below[same], above[same], labels[z][same]], axis=1)
        links, overlap = np.unique(pairs, axis=0, return_counts=True)
        links = links[overlap >= _LEAST_PX]
        for side in (0, 1):
            profile, count = np.unique(links[:, side], return_counts=True)
            twice = np.isin(links[:, side], profile[count > 1])
            branching.update(links[twice, 2].tolist())
    ids = set(np.unique(labels).tolist()) - {0}
    first, last = _extremes(labels)
    ending = {
        i
        for i in ids
        if any(
            _is_inside(labels[z] == i)
            for z, outer in ((first[i], 0), (last[i], len(labels) - 1))
            if z != outer
        )
    }
    return Census(frozenset(ids), frozenset(branching), frozenset(ending))


def _extremes(labels: NDArray[np.uint32]) -> tuple[dict[int, int], dict[int, int]]:
    """First and last section of each id."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for z, section in enumerate(labels):
        for i in np.unique(section).tolist():
            first.setdefault(i, z)
            last[i] = z
    return first, last


def _is_inside(mask: NDArray[np.bool_]) -> bool:
    edges = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    return not any(edge.any() for edge in edges)
