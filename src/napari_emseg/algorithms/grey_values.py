"""What grey values look like where ids or probabilities are wanted, and ids where grey is; what may be either is taken as wanted.

Measured on sections of four EM stacks, blurred, enlarged, inverted, equalised and of few grey values, and on ids and membrane
maps of the same tissue: of neighbouring pixels of images at most a third have one value, of ids nearly all; of maps at least
0.7 lies below 0.1 or above 0.9, of images at most 0.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ENOUGH = 1000
"""Pairs of neighbours that hold something, or pixels: fewer tell nothing."""
_MANY = 32
"""Values of an image, at least; classes and parts of few objects may lie in single pixels."""
_ALIKE = 0.5
"""Share of neighbours with one value, below which these are no ids."""
_NEARLY_ALL, _KINDS = 0.9, 3
"""Share of neighbours with one value from which on at least so many values are ids, whatever else they may be called."""
_BETWEEN, _ENDS = (0.2, 0.8), (0.1, 0.9)
_MOSTLY, _RARELY = 0.5, 0.25
"""More than the one of an image lies between, and less than the other at the ends."""
_BRIGHT = 1 / 3
"""Of an image more than this would be membrane: membranes fill a fifth to a third of tissue."""


def grey_for_ids(section: NDArray[Any]) -> bool | None:
    """Whether these are grey values and no object ids; None where they do not tell.

    Parameters
    ----------
    section : ndarray (y, x)
        Numbers of any kind. 0 is no object.
    """
    pairs, equal = _neighbours(section, section != 0)
    if pairs < _ENOUGH:
        return None
    return equal < _ALIKE * pairs and len(np.unique(section)) >= _MANY


def ids_for_grey(section: NDArray[Any]) -> bool | None:
    """Whether these are object ids or classes and no grey values; None where they do not tell.

    Parameters
    ----------
    section : ndarray (y, x)
        Whole numbers. The commonest, the lowest and the highest may fill the surroundings of an image or be where it, or a
        map, is at its end; they tell nothing.
    """
    values, counts = np.unique(section, return_counts=True)
    idle = {0, values[0], values[-1], values[np.argmax(counts)]}
    pairs, equal = _neighbours(section, ~np.isin(section, list(idle)))
    if pairs < _ENOUGH:
        return None
    return equal >= _NEARLY_ALL * pairs and len(set(values.tolist()) - idle) >= _KINDS


def _neighbours(section: NDArray[Any], of: NDArray[np.bool_]) -> tuple[int, int]:
    """Pairs of neighbouring pixels that are both of those, and how many of these have one value."""
    pairs = equal = 0
    for a, b in ((slice(-1), slice(1, None)), ((slice(None), slice(-1)), (slice(None), slice(1, None)))):
        both = of[a] & of[b]
        pairs += int(np.count_nonzero(both))
        equal += int(np.count_nonzero(both & (section[a] == section[b])))
    return pairs, equal


def grey_for_probability(section: NDArray[Any]) -> bool | None:
    """Whether these are grey values and no probability of membranes; None where they do not tell.

    Parameters
    ----------
    section : ndarray (y, x)
        Eight bits in 0..255, or floats in [0, 1].
    """
    if section.size < _ENOUGH:
        return None
    values = section / 255 if section.dtype == np.uint8 else section
    between = np.mean((values > _BETWEEN[0]) & (values < _BETWEEN[1]))
    ends = np.mean((values < _ENDS[0]) | (values > _ENDS[1]))
    membrane = np.mean(values >= 0.5)
    if not (between > _MOSTLY and ends < _RARELY and membrane > _BRIGHT):
        return False
    return bool(values.max() <= 1 and len(np.unique(section)) >= _MANY)
