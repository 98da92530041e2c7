"""From object ids to what a membrane network learns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import edt
import numpy as np

from napari_emseg.algorithms.cut_edges import beyond_cuts
from napari_emseg.algorithms.relabel import in_32_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray

KNOWN_RIM_PX = 4.0
KNOWN_RIM_WIDTHS = 0.8
"""Pixels without an id are membrane for certain only this close to an object, in pixels or in membrane widths,
whichever is more. Beyond lies glia, or what nobody could follow: a network that has to call it membrane grows
unsure about all dark cytoplasm (on VNC from ISBI, 12 to 13 edits per 100 objects instead of 10)."""

FLANK_WIDTHS = 0.6
"""Where segments touch, membranes are often thicker than the line that is drawn, or cut obliquely; this much more
on either side is left open. (Segments of the phantom cover only two thirds of its membranes with 25 nm lines.)"""


_DRAWN = 0.5
"""Of the half thickness of an object, at most so much becomes membrane ..."""

_CORE = 0.8
"""... and what lies deeper than this is known to be inside: thin processes are no membranes."""


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
        is taken, and at most half of what is thin. Membranes that the labels leave empty keep the width that
        they have.
    ignore_id : int or None
        Pixels with this id are not supervised, and nothing is drawn along them.

    Returns
    -------
    target : ndarray of uint8 (y, x)
        1 where there is membrane.
    weight : ndarray of float32 (y, x)
        1 where the target is known. 0 for ignored pixels, for those without an id that lie further from any
        object than 4 px or 0.8 membrane widths, for those beside the straight edge of a labelled part of the section
        (`napari_emseg.algorithms.cut_edges`), and on the flanks of a membrane that is drawn between touching
        ids, up to 0.6 widths further, but for the middle of what is thin: the ids do not say how thick it is there.

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
    target = (labels == 0) & ~ignored
    rim = max(KNOWN_RIM_PX, KNOWN_RIM_WIDTHS * width_px)
    weight = inside | (_within(inside, rim) & ~ignored)
    weight &= ~beyond_cuts(labels, rim)
    contacts = _contacts(labels, inside)
    if contacts.any():
        half = max(width_px / 2 - 1, 0.0)
        open_px = half + FLANK_WIDTHS * width_px
        depth, thick = _thickness(labels, (1 + open_px) / _CORE)
        away = edt.edt(~contacts, black_border=False)
        target |= (contacts | (away <= np.minimum(half, _DRAWN * thick - 1))) & ~ignored
        weight &= target | (away > open_px) | (depth >= _CORE * thick)
    return target.astype(np.uint8), weight.astype(np.float32)


def flanks(labels: NDArray[Any], reach_px: float, *, ignore_id: int | None = None) -> NDArray[np.bool_]:
    """Where a membrane between touching ids may lie: beside the line, but not in the middle of what is thin.

    Parameters
    ----------
    labels : ndarray of int (y, x)
        Object ids, 0 is border or outside.
    reach_px : float
        Distance from the line, in pixels.
    ignore_id : int or None
        Pixels with this id belong to no flank, and no line runs along them.
    """
    labels = np.asarray(labels)
    inside = (labels != 0) if ignore_id is None else (labels != 0) & (labels != ignore_id)
    contacts = _contacts(labels, inside)
    if not contacts.any():
        return contacts
    depth, thick = _thickness(labels, (1 + reach_px) / _CORE)
    away = edt.edt(~contacts, black_border=False)
    return np.asarray(inside & ~contacts & (away <= reach_px) & (depth < _CORE * thick))


def _thickness(labels: NDArray[Any], most_px: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Depth of every pixel in its object, and radius of the largest disc in the object that holds the pixel.

    Local thickness (Hildebrand and Ruegsegger 1997, doi:10.1046/j.1365-2818.1997.1340694.x), up to `most_px`, in
    steps of a pixel. Neither ends at the border of the section.
    """
    depth = edt.edt(np.ascontiguousarray(in_32_bits(labels)), black_border=False)
    thick = depth.copy()
    for radius in range(2, math.ceil(most_px) + 1):
        core = depth >= radius
        if not core.any():
            break
        held = edt.edt(~core, black_border=False) < radius
        thick[held] = np.maximum(thick[held], radius)
    return depth, thick


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
    if distance_px < 1 or not mask.any():
        return mask
    near: NDArray[np.bool_] = edt.edt(~mask, black_border=False) <= distance_px
    return near
