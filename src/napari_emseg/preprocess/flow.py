"""Optical flow between sections, and pictures between two sections along it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLOW_PX = 512  # flow is smooth: sections are compared at about this many pixels a side
_RADIUS_PX = 20  # at that scale; smaller windows follow grain and mistake one membrane for the next
_WARPS = 8


def flow_between(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float32]:
    """How content moves from one section to the other.

    Parameters
    ----------
    a, b : ndarray (y, x)
        Grey values of the same size.

    Returns
    -------
    ndarray (2, y, x) float32
        (dy, dx): what is at ``p`` in ``a`` is at ``p + flow[:, p]`` in ``b``.

    Notes
    -----
    Iterative Lucas-Kanade with a Gaussian window (Le Besnerais and Champagnat 2005, in scikit-image), on sections that
    were brought to mean 0 and standard deviation 1, at a reduced scale.
    """
    from scipy.ndimage import gaussian_filter, zoom
    from skimage.registration import optical_flow_ilk

    step = max(1, round(max(a.shape) / _FLOW_PX))
    small = []
    for section in (a, b):
        values = gaussian_filter(section.astype(np.float32), 0.5 * step + 0.5)[::step, ::step]
        small.append((values - values.mean()) / max(float(values.std()), 1e-6))
    radius = max(2, min(_RADIUS_PX, min(small[0].shape) // 4))
    field = optical_flow_ilk(
        small[0], small[1], radius=radius, num_warp=_WARPS, gaussian=True, dtype=np.float32
    )
    if step == 1:
        return np.asarray(field, dtype=np.float32)
    full = np.empty((2, *a.shape), np.float32)
    for axis in (0, 1):
        wide = zoom(field[axis], step, order=1, mode="nearest", grid_mode=False)
        rows, columns = (np.minimum(np.arange(n), m - 1) for n, m in zip(a.shape, wide.shape, strict=True))
        full[axis] = wide[rows][:, columns] * step
    return full


def sample(section: NDArray[Any], flow: NDArray[np.float32], part: float = 1.0) -> NDArray[np.float32]:
    """Grey values at ``p + part * flow[:, p]``, linear between pixels, the edge repeated."""
    from scipy.ndimage import map_coordinates

    y, x = np.indices(section.shape, dtype=np.float32)
    places = np.stack([y + np.float32(part) * flow[0], x + np.float32(part) * flow[1]])
    values: NDArray[np.float32] = map_coordinates(section.astype(np.float32), places, order=1, mode="nearest")
    return values


def between(a: NDArray[Any], b: NDArray[Any], part: float = 0.5) -> NDArray[np.float32]:
    """The section that would lie between two, in floating grey values.

    Parameters
    ----------
    a, b : ndarray (y, x)
        Neighbours of the section that is missing.
    part : float
        Where it lies: 0 is ``a``, 1 is ``b``.

    Returns
    -------
    ndarray (y, x) float32
        Each pixel is the mean of where it comes from in ``a`` and where it goes to in ``b``, weighted by nearness.
    """
    forth = flow_between(a, b)
    back = flow_between(b, a)
    # seen from the section in between: content moved by -part of the way from a, and has the rest ahead of it
    motion = 0.5 * (sample_field(forth, forth, -part) - sample_field(back, back, -(1 - part)))
    return np.asarray(
        (1 - part) * sample(a, motion, -part) + part * sample(b, motion, 1 - part), dtype=np.float32
    )


def sample_field(field: NDArray[np.float32], along: NDArray[np.float32], part: float) -> NDArray[np.float32]:
    """A field (2, y, x) at ``p + part * along[:, p]``."""
    return np.stack([sample(field[axis], along, part) for axis in (0, 1)])


def to_type(values: NDArray[np.floating], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Rounded and clipped to the range of an integer type; other types are only converted."""
    if dtype.kind in "ui":
        limits = np.iinfo(dtype)
        return np.asarray(np.clip(np.rint(values), limits.min, limits.max).astype(dtype))
    return values.astype(dtype)
