"""Where a boundary map would merge or tear objects: the few pixels that cost a person an edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.metrics.objects import MIN_SHARED_PART, MIN_SHARED_PX
from napari_emseg.algorithms.metrics.thinning import components

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CUT = 0.5
"""Probability above which a pixel counts as membrane here."""


def leaks_and_tears(
    probability: NDArray[np.floating[Any]], truth: NDArray[Any], known: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Find the pixels through which objects merge, and those that cut one object into pieces.

    A predicted piece that covers several objects leaks: the membrane pixels inside it are the gaps that must
    be closed. An object that several pieces cover is torn: the predicted membrane inside it must go. The
    objects that a piece counts for are those of the edit count in `metrics.objects`. (The idea of losses on
    maximin edges, Turaga et al. 2009, and on critical components, Grim et al. 2023, without their search.)

    Parameters
    ----------
    probability : ndarray of float (y, x)
        Probability of membrane.
    truth : ndarray (y, x)
        Non-zero where there is membrane; objects are the 4-connected components of its zeros.
    known : ndarray of bool (y, x)
        Where the truth is known. Unknown pixels separate objects and pieces and are never returned.

    Returns
    -------
    leaks, tears : ndarray of bool (y, x)

    Examples
    --------
    >>> truth = np.zeros((9, 20), bool)
    >>> truth[:, 10] = True
    >>> gap = truth.astype(float)
    >>> gap[4, 10] = 0.2
    >>> np.argwhere(leaks_and_tears(gap, truth, np.ones_like(truth))[0]).tolist()
    [[4, 10]]
    """
    membrane = (truth != 0) & known
    objects = components((truth == 0) & known)
    pieces = components((probability < _CUT) & known)
    both = (objects > 0) & (pieces > 0)
    table = contingency(pieces[both], objects[both])
    n_pieces, n_objects = int(pieces.max(initial=0)) + 1, int(objects.max(initial=0)) + 1
    of_piece = np.bincount(table.a, weights=table.count, minlength=n_pieces)[table.a]
    of_object = np.bincount(table.b, weights=table.count, minlength=n_objects)[table.b]
    large = table.count > MIN_SHARED_PART * np.minimum(of_piece, of_object)
    table = table.where(large & (table.count > MIN_SHARED_PX))
    leaky = np.bincount(table.a, minlength=n_pieces) > 1
    torn = np.bincount(table.b, minlength=n_objects) > 1
    return leaky[pieces] & membrane, torn[objects] & (pieces == 0) & known
