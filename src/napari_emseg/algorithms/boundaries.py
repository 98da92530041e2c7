"""From object ids to what a membrane network learns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

KNOWN_BORDER_PX = 8.0
"""Pixels without an id are known to be membrane only this close to an object; beyond, nobody has looked."""


def membrane_target(
    labels: NDArray[Any], width_px: float, *, ignore_id: int | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Membrane target and its weight for one section.

    Parameters
    ----------
    labels : ndarray of int or bool (y, x)
        Object ids, or a mask of cells. 0 is border or outside.
    width_px : float
        Width of the membrane drawn between two ids that touch, in pixels; at least one pixel of either side
        is taken. Membranes that the labels leave empty keep the width that they have.
    ignore_id : int or None
        Pixels with this id are not supervised, and nothing is drawn along them.

    Returns
    -------
    target : ndarray of uint8 (y, x)
        1 where there is membrane.
    weight : ndarray of float32 (y, x)
        1 where the target is known, 0 for ignored pixels and further than 8 px from any object.

    Examples
    --------
    >>> membrane_target(np.array([[1, 1, 2, 2]]), 2)[0]
    array([[0, 1, 1, 0]], dtype=uint8)
    """
    labels = np.asarray(labels)
    ignored = np.zeros(labels.shape, bool) if ignore_id is None else labels == ignore_id
    inside = (labels != 0) & ~ignored
    if not inside.any():
        return np.zeros(labels.shape, np.uint8), np.zeros(labels.shape, np.float32)
    target = (labels == 0) | _within(_contacts(labels, inside), max(width_px / 2 - 1, 0.0))
    target &= ~ignored
    weight = inside | (_within(inside, KNOWN_BORDER_PX) & ~ignored)
    return target.astype(np.uint8), weight.astype(np.float32)


def _contacts(labels: NDArray[Any], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of either side where two objects touch along an edge."""
    found = np.zeros(labels.shape, bool)
    for axis in range(labels.ndim):
        ahead: list[slice] = [slice(None)] * labels.ndim
        behind = list(ahead)
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        one, other = tuple(behind), tuple(ahead)
        touch = (labels[one] != labels[other]) & inside[one] & inside[other]
        found[one] |= touch
        found[other] |= touch
    return found


def _within(mask: NDArray[np.bool_], distance_px: float) -> NDArray[np.bool_]:
    """Pixels at most this far from the mask, in a straight line."""
    import edt

    if distance_px < 1 or not mask.any():
        return mask
    near: NDArray[np.bool_] = edt.edt(~mask, black_border=False) <= distance_px
    return near
