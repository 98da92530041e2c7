"""Objects drawn over a section: filled, as outlines, or as dots; a colour belongs to an id and to nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.colours import colours_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


def fill(grey: NDArray[np.uint8], ids: NDArray[Any], opacity: float) -> NDArray[np.uint8]:
    """Lay the colours of objects over a section.

    Parameters
    ----------
    grey : ndarray (y, x) of uint8
    ids : ndarray (y, x) of int
        0 leaves the section as it is.
    opacity : float
        0 shows the section alone, 1 the colours alone.

    Returns
    -------
    ndarray (y, x, 3) of uint8
    """
    share = np.where(ids != 0, round(256 * opacity), 0).astype(np.uint16)[..., None]
    mixed: NDArray[np.uint16] = grey[..., None] * (np.uint16(256) - share) + colours_of(ids) * share
    return np.asarray((mixed + np.uint16(128)) >> np.uint16(8), np.uint8)


def outlines(ids: NDArray[Any], width: int = 1) -> NDArray[np.bool_]:
    """Pixels of objects that lie within ``width`` pixels, along y or x, of something else.

    Objects that touch get one line each. The frame around the picture is no border.

    Parameters
    ----------
    ids : ndarray (y, x) of int
    """
    found = np.zeros(ids.shape, bool)
    for step in range(1, width + 1):
        rows = ids[step:] != ids[:-step]
        found[step:] |= rows
        found[:-step] |= rows
        columns = ids[:, step:] != ids[:, :-step]
        found[:, step:] |= columns
        found[:, :-step] |= columns
    return np.asarray(found & (ids != 0))


def middles(ids: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """One pixel of each object: of its own pixels the one nearest to its centre of mass.

    Parameters
    ----------
    ids : ndarray (y, x) of int

    Returns
    -------
    found : ndarray (n,)
        Ids, ascending, without 0.
    places : ndarray (n, 2) of int
        y and x.
    """
    y, x = np.nonzero(ids)
    found, which = np.unique(ids[y, x], return_inverse=True)
    if not found.size:
        return found, np.zeros((0, 2), np.intp)
    n = np.bincount(which)
    off = (y - (np.bincount(which, y) / n)[which]) ** 2 + (x - (np.bincount(which, x) / n)[which]) ** 2
    order = np.lexsort((off, which))
    best = order[np.searchsorted(which[order], np.arange(found.size))]
    return found, np.stack([y[best], x[best]], axis=1)
