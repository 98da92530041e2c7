"""How bright and how even an object is inside, compared with the other objects of its section.

Brightness and contrast flicker from section to section. What is told here is how an object stands among the others of its own
section, so that flicker drops out, and a dark process stays a dark process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEVELS = 64
_QUARTERS = (0.25, 0.5, 0.75)
_LARGE_ENOUGH_PX = 30  # objects that tell what is usual
_ENOUGH = 5  # of them
_LEAST_SPREAD = 0.5  # of grey levels: a section of one grey has no textures
_FARTHEST = 5.0


def textures(dense: NDArray[np.uint32], image: NDArray[Any]) -> NDArray[np.float32]:
    """Grey of every object of a section.

    Parameters
    ----------
    dense : ndarray of uint32 (y, x)
        Objects from 1; 0 is none.
    image : ndarray (y, x)
        The picture of the section, of any kind of grey.

    Returns
    -------
    ndarray of float32 (n, 2)
        Median grey, and logarithm of the distance between its quartiles (membranes, vesicles and organelles inside),
        each as the distance from the median object in robust standard deviations. NaN where too few objects tell what
        is usual.
    """
    n = int(dense.max(initial=0))
    if n == 0:
        return np.zeros((0, 2), np.float32)
    key = np.multiply(dense.ravel(), _LEVELS, dtype=np.int64)
    key += _levels(image).ravel()
    table = np.bincount(key, minlength=(n + 1) * _LEVELS)
    table = table.reshape(n + 1, _LEVELS)[1:]
    area = table.sum(1)
    low, middle, high = (_quantile(table, area, part) for part in _QUARTERS)
    values = np.stack([middle, np.log(high - low + 1)], axis=1)
    usual = values[area >= _LARGE_ENOUGH_PX]
    if len(usual) < _ENOUGH:
        return np.full((n, 2), np.nan, np.float32)
    centre = np.median(usual, axis=0)
    spread = 1.4826 * np.median(np.abs(usual - centre), axis=0)
    spread = np.maximum(spread, (_LEAST_SPREAD, 0.05))
    told: NDArray[np.float32] = np.clip((values - centre) / spread, -_FARTHEST, _FARTHEST).astype(np.float32)
    return told


def _levels(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Grey values in steps from the darkest hundredth to the brightest."""
    values = np.asarray(image, np.float32)
    if image.dtype.kind == "f":
        values = np.nan_to_num(values)
    low, high = np.percentile(values[::4, ::4], (0.5, 99.5))
    steps = values - low
    steps *= np.float32((_LEVELS - 1) / max(float(high - low), 1e-6))
    np.clip(steps, 0, _LEVELS - 1, out=steps)
    return np.asarray(steps.astype(np.uint8))


def _quantile(table: NDArray[np.int64], area: NDArray[np.int64], part: float) -> NDArray[np.float64]:
    """Quantile of the grey levels of every row of a table of counts, between levels."""
    total = table.cumsum(1)
    wanted = part * np.maximum(area, 1)
    level = (total < wanted[:, None]).sum(1).clip(max=_LEVELS - 1)
    rows = np.arange(len(table))
    here = np.maximum(table[rows, level], 1)
    before = total[rows, level] - table[rows, level]
    return np.asarray(level + np.clip((wanted - before) / here, 0, 1), np.float64)
