"""Shapes between two drawn sections."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.motion import translate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

_MARGIN_PX = 2  # room for the border of a shape that touches its box


def between(one: NDArray[np.bool_], two: NDArray[np.bool_], part: float) -> NDArray[np.bool_]:
    """Shape on the way from one to another.

    Parameters
    ----------
    one, two : ndarray of bool (y, x)
        The same object in two sections, of one or several pieces.
    part : float
        0 gives the first, 1 the second.

    Returns
    -------
    ndarray of bool (y, x)
        Empty if either shape is.

    Notes
    -----
    Linear interpolation of the signed distance to the border (Raya and Udupa 1990, doi:10.1109/42.52980), after both
    shapes are moved so that their centres lie where the centre is by then: objects that run aslant and no longer
    overlap keep their thickness.
    """
    if not one.any() or not two.any():
        return np.zeros_like(one)
    centres = [np.argwhere(mask).mean(0) for mask in (one, two)]
    here = (1 - part) * centres[0] + part * centres[1]
    near, far = (
        signed_distance(translate(mask, here - centre))
        for mask, centre in zip((one, two), centres, strict=True)
    )
    return np.asarray((1 - part) * near + part * far > 0)


def signed_distance(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance to the border of a shape in pixels, positive inside; the border runs between pixels.

    Parameters
    ----------
    mask : ndarray of bool (y, x)
    """
    import edt

    size = np.float32(max(mask.shape))
    inside, outside = (
        np.minimum(edt.edt(np.ascontiguousarray(k), black_border=False, parallel=1), size)
        for k in (mask, ~mask)
    )
    return np.asarray(np.where(mask, inside - np.float32(0.5), np.float32(0.5) - outside), np.float32)


def fill_in(drawn: Mapping[int, NDArray[np.bool_]]) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Shapes of all sections between drawn ones.

    Parameters
    ----------
    drawn : mapping of section to ndarray of bool (y, x)
        The object where it is known; all of one extent.

    Yields
    ------
    (section, ndarray of bool (y, x))
        Every section between the first and the last drawn one that is not drawn.
    """
    known = sorted(z for z, mask in drawn.items() if mask.any())
    for before, after in pairwise(known):
        if after == before + 1:
            continue
        box = _box(drawn[before] | drawn[after])
        one, two = drawn[before][box], drawn[after][box]
        for z in range(before + 1, after):
            shape = np.zeros_like(drawn[before])
            shape[box] = between(one, two, (z - before) / (after - before))
            yield z, shape


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    spans = []
    for axis in (1, 0):
        at = np.flatnonzero(mask.any(axis))
        spans.append(slice(max(0, int(at[0]) - _MARGIN_PX), int(at[-1]) + 1 + _MARGIN_PX))
    return spans[0], spans[1]
