"""Large areas divided between seeds in the time of a click: on a coarser grid first, then pixel by pixel beside the cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.dividing import divide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

MOST = 50_000
"""Voxels that are divided in one go: 0.1 s of one core."""

_COARSEST = 8  # pixels: membranes of 35 nm at 4.6 nm a pixel would be gone


def divide_large(
    boundary: NDArray[Any],
    seeds: NDArray[np.uint32],
    where: NDArray[np.bool_],
    spacing_nm: Spacing | None = None,
    *,
    most: int = MOST,
) -> NDArray[np.uint32]:
    """Divide an area between the seeds in it, as `dividing.divide` does, in bounded time.

    Parameters
    ----------
    boundary : ndarray (y, x) or (z, y, x)
        Membrane probability: floats in [0, 1] or uint8 in 0..255.
    seeds : ndarray of uint32, same shape
        0 is none.
    where : ndarray of bool, same shape
        What is divided.
    spacing_nm : (z, y, x), optional
        Voxel size; default: cubes.
    most : int
        Up to so many voxels the two give the same; above, squares of 2 x 2 to 8 x 8 pixels are divided first, and what lies
        within two of them from the cut is divided again pixel by pixel.

    Returns
    -------
    ndarray of uint32, same shape
        0 elsewhere, and where no seed can get to.
    """
    where = _reached(seeds, where)
    fold = min(_COARSEST, int(np.ceil(np.sqrt(where.sum() / most))))
    while fold > 1 and _share_a_square(seeds, fold):
        fold -= 1
    if fold <= 1:
        return divide(boundary, seeds, where, spacing_nm)
    box = tuple(slice(int(k.min()), int(k.max()) + 1) for k in np.nonzero(where))
    result = np.zeros(seeds.shape, np.uint32)
    result[box] = _divide_twice(boundary[box], np.where(where, seeds, 0)[box], where[box], spacing_nm, fold)
    return result


def _divide_twice(
    boundary: NDArray[Any],
    seeds: NDArray[np.uint32],
    where: NDArray[np.bool_],
    spacing_nm: Spacing | None,
    fold: int,
) -> NDArray[np.uint32]:
    from scipy import ndimage as ndi

    inside = _squares(where, fold).sum(axis=(-3, -1), dtype=np.int32)
    walls = _squares(np.where(where, boundary, 0), fold).sum(axis=(-3, -1), dtype=np.float32)
    walls /= np.maximum(inside, 1) * np.float32(255 if boundary.dtype == np.uint8 else 1)
    own = _squares(seeds, fold).max(axis=(-3, -1))
    z, y, x = spacing_nm or (1.0, 1.0, 1.0)
    coarse = divide(walls, own, inside > 0, (z, y * fold, x * fold))
    flat = (1,) * (coarse.ndim - 2)
    near = ndi.maximum_filter(coarse, (*flat, 5, 5)) != ndi.minimum_filter(
        np.where(coarse == 0, np.uint32(2**32 - 1), coarse), (*flat, 5, 5)
    )
    rows, columns = where.shape[-2:]

    def fine(squares: NDArray[Any]) -> NDArray[Any]:
        return squares.repeat(fold, -2).repeat(fold, -1)[..., :rows, :columns]

    first, cut = np.where(where, fine(coarse), np.uint32(0)), fine(near)
    held = np.where(cut, seeds, first)
    shore = ndi.binary_dilation(cut, ndi.generate_binary_structure(cut.ndim, cut.ndim)) & where
    again = divide(boundary, held, shore, spacing_nm)
    return np.asarray(np.where(shore & (again > 0), again, first))


def _reached(seeds: NDArray[np.uint32], where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of an area in which there is a seed."""
    from scipy import ndimage as ndi

    steps = ndi.generate_binary_structure(where.ndim, 2 if where.ndim == 2 else 1)
    parts, n = ndi.label(where, steps)
    if n < 2:
        return where
    wanted = np.zeros(n + 1, bool)
    wanted[parts[(seeds > 0) & where]] = True
    wanted[0] = False
    return np.asarray(wanted[parts])


def _squares(values: NDArray[Any], fold: int) -> NDArray[Any]:
    """(..., y, x) to (..., squares of y, fold, squares of x, fold), with 0 beyond the edge."""
    *_, rows, columns = values.shape
    pad = [(0, 0)] * (values.ndim - 2) + [(0, -rows % fold), (0, -columns % fold)]
    padded = np.pad(values, pad)
    return padded.reshape(*values.shape[:-2], -(-rows // fold), fold, -(-columns // fold), fold)


def _share_a_square(seeds: NDArray[np.uint32], fold: int) -> bool:
    """Whether seeds of two numbers lie in one square."""
    squares = _squares(seeds, fold)
    most = squares.max(axis=(-3, -1))
    least = np.where(squares == 0, np.uint32(2**32 - 1), squares).min(axis=(-3, -1))
    return bool(((most > 0) & (most != least)).any())
