"""Seeded watershed by whole waves: all pixels that the water reaches at one level move together.

The usual watershed takes one pixel at a time from a priority queue. Membrane probabilities have few levels
that matter, so the water can rise in steps, and each wave is one array operation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def flood(
    labels: NDArray[np.uint32], level: NDArray[np.uint8], free: NDArray[np.bool_]
) -> NDArray[np.uint32]:
    """Let labels grow into free pixels, lower levels first.

    Parameters
    ----------
    labels : ndarray of uint32 (y, x) or (z, y, x)
        Ids that grow; 0 elsewhere.
    level : ndarray of uint8, same shape
        Height of the landscape.
    free : ndarray of bool, same shape
        Pixels that water may enter. Labelled pixels never change.

    Returns
    -------
    ndarray of uint32
        Labels; free pixels that no label can reach over edges stay 0.
    """
    inner = tuple(slice(1, -1) for _ in labels.shape)
    padded = np.pad(labels, 1)
    lab = padded.ravel()
    dry = np.pad(free & (labels == 0), 1).ravel()
    height = np.pad(level, 1).ravel()
    strides = [int(np.prod(padded.shape[axis + 1 :])) for axis in range(padded.ndim)]
    steps = [-s for s in strides] + strides[::-1]
    shore = _shore(lab, dry, steps)
    dry[shore] = False
    waiting = shore
    while waiting.size:
        at = height[waiting]
        water = at.min()
        front, waiting = waiting[at == water], waiting[at != water]
        pools = [waiting]
        while front.size:
            lab[front] = _label_of_neighbour(lab, front, steps)
            reached = _dry_neighbours(dry, front, steps)
            low = height[reached] <= water
            front = reached[low]
            pools.append(reached[~low])
        waiting = np.concatenate(pools)
    return padded[inner].copy()


def _shore(lab: NDArray[np.uint32], dry: NDArray[np.bool_], steps: list[int]) -> NDArray[np.intp]:
    """Dry pixels beside a label."""
    wet = lab > 0
    beside = np.zeros(lab.size, bool)
    for step in steps:
        if step > 0:
            beside[:-step] |= wet[step:]
        else:
            beside[-step:] |= wet[:step]
    return np.flatnonzero(beside & dry)


def _label_of_neighbour(
    lab: NDArray[np.uint32], front: NDArray[np.intp], steps: list[int]
) -> NDArray[np.uint32]:
    """Label of the first labelled neighbour of every pixel of a wave."""
    found = lab[front + steps[0]]
    for step in steps[1:]:
        found = np.where(found > 0, found, lab[front + step])
    return found


def _dry_neighbours(dry: NDArray[Any], front: NDArray[np.intp], steps: list[int]) -> NDArray[np.intp]:
    """Neighbours that water has not met yet, each once; they are marked as met."""
    reached = []
    for step in steps:
        beside = front + step
        beside = beside[dry[beside]]
        dry[beside] = False
        reached.append(beside)
    return np.concatenate(reached)
