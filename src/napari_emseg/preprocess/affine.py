"""Affine motion of a part of a section: how it moved against its neighbours, and moving it.

An affine is a (2, 3) matrix ``[M | t]``: what is at ``p = (y, x)`` in the damaged section belongs at ``M p + t``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Affine = NDArray[np.float64]

_SCALES = (8, 4, 2)
_STEPS = 40
_COMPARED_AT = 4  # pixels of a section to one that tells how well two agree
_DONE_PX = 0.01
_LEAST_PX = 400  # of a part at some scale; fewer do not tell six numbers
_STIFF = 0.02  # pull towards a pure shift, relative to the data: thin parts must not turn over


def identity() -> Affine:
    """The affine that moves nothing."""
    return np.array([[1.0, 0, 0], [0, 1, 0]])


def inverse(affine: Affine) -> Affine:
    """The affine that takes another one back."""
    matrix = np.linalg.inv(affine[:, :2])
    return np.column_stack([matrix, -matrix @ affine[:, 2]])


def apply(affine: Affine, points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Move points (n, 2)."""
    return np.asarray(points @ affine[:, :2].T + affine[:, 2], dtype=np.float64)


def pull(image: NDArray[Any], affine: Affine, *, order: int = 1, fill: float = 0) -> NDArray[Any]:
    """Sample an image at the places that the affine gives: ``out[p] = image[M p + t]``.

    Parameters
    ----------
    image : ndarray (y, x)
    affine : ndarray (2, 3)
    order : {0, 1}
        0 takes the nearest pixel (labels), 1 interpolates.
    fill : float
        What lies beyond the image.

    Returns
    -------
    ndarray (y, x)
        float32 for order 1, else of the image's type.
    """
    from scipy.ndimage import affine_transform

    if order == 0:  # scipy rounds ids through float64; indexing does not
        y, x = np.indices(image.shape)
        rows = np.rint(affine[0, 0] * y + affine[0, 1] * x + affine[0, 2]).astype(np.intp)
        columns = np.rint(affine[1, 0] * y + affine[1, 1] * x + affine[1, 2]).astype(np.intp)
        inside = (rows >= 0) & (rows < image.shape[0]) & (columns >= 0) & (columns < image.shape[1])
        out = np.full(image.shape, fill, image.dtype)
        out[inside] = image[rows[inside], columns[inside]]
        return out
    values: NDArray[np.float32] = affine_transform(
        image.astype(np.float32), affine[:, :2], affine[:, 2], order=1, mode="constant", cval=fill
    )
    return values


def estimate_affine(moving: NDArray[Any], part: NDArray[np.bool_], reference: NDArray[Any]) -> Affine:
    """How a part of a section has to move to lie on a reference.

    Parameters
    ----------
    moving : ndarray (y, x)
        The damaged section.
    part : ndarray (y, x) of bool
        The part of it that moves as one.
    reference : ndarray (y, x)
        Its neighbours.

    Returns
    -------
    ndarray (2, 3)

    Notes
    -----
    Gauss-Newton on the difference of locally normalised grey values, from coarse to fine (Lucas and Kanade 1981; the
    forwards compositional form of Baker and Matthews 2004).
    """
    shifted = identity()
    shifted[:, 2] = _best_shift(moving, part, reference)
    found = [_pyramid(moving, part, reference, first) for first in (identity(), shifted)]
    return max(found, key=lambda affine: agreement(moving, part, reference, affine))


def _pyramid(moving: NDArray[Any], part: NDArray[np.bool_], reference: NDArray[Any], start: Affine) -> Affine:
    affine = start.copy()
    for scale in _SCALES:
        if part.sum() / scale**2 < _LEAST_PX or min(moving.shape) // scale < 24:
            continue
        affine = _refine(
            _normal(moving, scale), part[::scale, ::scale], _normal(reference, scale), affine, scale
        )
    return affine


def agreement(
    moving: NDArray[Any], part: NDArray[np.bool_], reference: NDArray[Any], affine: Affine
) -> float:
    """Correlation of a part with the reference where the affine puts it; what leaves the frame counts as a miss."""
    from scipy.ndimage import map_coordinates

    step = _COMPARED_AT
    rows, columns = np.nonzero(part[::step, ::step])
    if not len(rows):
        return -1.0
    places = apply(affine, np.stack([rows, columns], axis=1).astype(np.float64) * step).T / step
    there = map_coordinates(_normal(reference, step), places, order=1, mode="constant", cval=0)
    here = _normal(moving, step)[rows, columns]
    size = float(np.sqrt(np.vdot(here, here) * np.vdot(there, there)))
    inside = ((places >= 0) & (places <= np.array(part.shape)[:, None] / step - 1)).all(axis=0).mean()
    return float(np.vdot(here, there)) / size * float(inside) if size > 0 else -1.0


def _normal(section: NDArray[Any], scale: int) -> NDArray[np.float32]:
    """A smoothed section with local mean 0 and local standard deviation 1, at every few pixels."""
    from scipy.ndimage import gaussian_filter

    values = gaussian_filter(section.astype(np.float32), 0.6 * scale + 0.4)[::scale, ::scale]
    values = values - gaussian_filter(values, 12)
    return np.asarray(values / np.sqrt(gaussian_filter(values**2, 24) + 1.0), dtype=np.float32)


def _best_shift(
    moving: NDArray[Any], part: NDArray[np.bool_], reference: NDArray[Any]
) -> NDArray[np.float64]:
    from napari_emseg.preprocess.phase import phase_shift, spectrum

    alone = np.where(part, moving, 0)
    seen = np.where(part, reference, 0)
    reach = 0.15 * min(moving.shape)
    found = phase_shift(spectrum(alone), spectrum(seen), most_px=reach)
    return np.array([found.dy, found.dx])


def _refine(
    moving: NDArray[np.float32],
    part: NDArray[np.bool_],
    reference: NDArray[np.float32],
    affine: Affine,
    scale: int,
) -> Affine:
    """Improve an affine at one scale; its shift is in full pixels."""
    from scipy.ndimage import map_coordinates

    rows, columns = np.nonzero(part)
    keep = slice(None, None, max(1, len(rows) // 40_000))
    places = np.stack([rows[keep], columns[keep]], axis=1).astype(np.float64)
    middle = places.mean(axis=0)
    reach = max(1.0, float(np.abs(places - middle).max()))
    around = (places - middle) / reach  # parameters of one size: turns count as much as shifts
    values = moving[rows[keep], columns[keep]]
    slope: list[NDArray[np.float32]] = list(np.gradient(reference))
    current = affine.copy()
    current[:, 2] /= scale
    for _ in range(_STEPS):
        moved = apply(current, places).T
        inside = ((moved >= 0) & (moved <= np.array(reference.shape)[:, None] - 1)).all(axis=0)
        if inside.sum() < 50:
            return affine
        there = map_coordinates(reference, moved, order=1, mode="nearest")
        error = np.where(inside, values - there, 0)
        weight = 1 / (1 + (error / (1.5 * np.median(np.abs(error)) + 1e-3)) ** 2)
        dy, dx = (map_coordinates(g, moved, order=1, mode="nearest") * inside for g in slope)
        jacobian = np.stack(
            [dy, dx, dy * around[:, 0], dy * around[:, 1], dx * around[:, 0], dx * around[:, 1]], axis=1
        )
        left = (jacobian * weight[:, None]).T @ jacobian
        stiff = np.zeros(6)
        stiff[2:] = _STIFF * np.trace(left) / 6
        update = np.linalg.lstsq(left + np.diag(stiff), jacobian.T @ (weight * error), rcond=None)[0]
        step = np.array([[update[2], update[3]], [update[4], update[5]]]) / reach
        current[:, :2] += step
        current[:, 2] += update[:2] - step @ middle
        if np.abs(update).max() < _DONE_PX:
            break
    if not np.isfinite(current).all() or not 0.5 < np.linalg.det(current[:, :2]) < 2:
        return affine
    current[:, 2] *= scale
    return current
