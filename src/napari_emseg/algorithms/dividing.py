"""An area that several seeds of a person share, divided along the faintest membrane.

Water that rises in such an area runs through a faint membrane wherever it is lowest, and meets the other anywhere behind it: the
cut is a line half-way between the seeds. Here every pixel goes to the seed from which the way is shortest, and a way through
membrane is long, also through faint membrane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

# A pixel of certain membrane is as long as 101 of cytoplasm, one of 1 % as 5. Of the factors 30, 100 and 300 and the exponents
# 0.7, 1 and 1.5 these were best for pairs of cells whose membrane had been made faint or broken (`benchmarks/dividing.py`).
_FACTOR, _EXPONENT = 100.0, 0.7


def divide(
    boundary: NDArray[Any],
    seeds: NDArray[np.uint32],
    where: NDArray[np.bool_],
    spacing_nm: Spacing | None = None,
) -> NDArray[np.uint32]:
    """Divide an area between the seeds in it.

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

    Returns
    -------
    ndarray of uint32, same shape
        0 elsewhere, and where no seed can get to.
    """
    from skimage.graph import MCP_Geometric

    result = np.zeros(seeds.shape, np.uint32)
    begun = (seeds > 0) & where
    if not begun.any():
        return result
    box = tuple(slice(int(k.min()), int(k.max()) + 1) for k in np.nonzero(where))
    walls = np.asarray(boundary[box], np.float32) / np.float32(255 if boundary.dtype == np.uint8 else 1)
    cost = np.where(where[box], 1 + _FACTOR * np.clip(walls, 0, 1) ** _EXPONENT, -1)
    size = np.asarray(spacing_nm or (1.0, 1.0, 1.0))[-seeds.ndim :]
    ways = MCP_Geometric(cost, fully_connected=seeds.ndim == 2, sampling=tuple(size / size.min()))
    _, came = ways.find_costs(np.argwhere(begun[box]))
    own = np.where(begun[box], seeds[box], np.uint32(0)).ravel()
    strides = [int(np.prod(cost.shape[axis + 1 :])) for axis in range(cost.ndim)]
    steps = np.append(np.asarray(ways.offsets) @ strides, [0, 0])  # beginnings and what is not reached stay
    origin = np.arange(own.size) - steps[np.where(came < 0, len(ways.offsets), came).ravel()]
    while True:
        further = origin[origin]
        if np.array_equal(further, origin):
            break
        origin = further
    result[box] = own[origin].reshape(cost.shape)
    return result


def narrowness(where: NDArray[np.bool_], spacing_nm: Spacing | None = None) -> NDArray[np.float32]:
    """What stands in for membranes where nobody knows any: how narrow an area is, for `divide`.

    A way is then as long as the inverse of the distances to the border along it, in the section: ways along a branch are short,
    and those through a neck are long, wherever in its part a seed lies. Water that rises from a seed beside the border of its
    part ran over from the other side first: of pairs of VNC cells 36 % of the pixels went to the wrong seed, 4 % do by ways
    (`benchmarks/dividing_clicks.py`).

    Parameters
    ----------
    where : ndarray of bool (y, x) or (z, y, x)
    spacing_nm : (z, y, x), optional
        Voxel size; default: cubes.

    Returns
    -------
    ndarray of float32, same shape
        0 in the widest place of each section, up to 1 at the border; 0 elsewhere.
    """
    import edt

    size = tuple(spacing_nm or (1.0, 1.0, 1.0))[-2:]
    found = np.zeros(where.shape, np.float32)
    for mask, walls in zip(*(a.reshape(-1, *a.shape[-2:]) for a in (where, found)), strict=True):
        if mask.any():
            depth = np.asarray(edt.edt(mask, anisotropy=size, black_border=True))[mask]
            walls[mask] = np.clip((depth.max() / depth - 1) / _FACTOR, 0, 1) ** (1 / _EXPONENT)
    return found


def divide_shared(
    labels: NDArray[np.uint32],
    boundary: NDArray[Any],
    seeds: NDArray[np.uint32],
    shared: Iterable[NDArray[np.integer]],
    spacing_nm: Spacing | None = None,
) -> NDArray[np.uint32]:
    """Divide again what several seeds of one cell have taken together.

    Parameters
    ----------
    labels : ndarray of uint32 (y, x) or (z, y, x)
        What seeds have grown to.
    boundary, seeds : ndarray, same shape
        As in `divide`; a seed has the number of what it has grown to.
    shared : iterable of ndarray of int
        Numbers of seeds that lie in one cell, once each.
    spacing_nm : (z, y, x), optional

    Returns
    -------
    ndarray of uint32, same shape
        A copy if anything is divided. Nothing changes but which of these seeds has what they have together.
    """
    from scipy import ndimage as ndi

    groups = [group for group in shared if len(group) > 1]
    if not groups:
        return labels
    of = np.zeros(int(labels.max(initial=0)) + 1, np.int32)
    for n, group in enumerate(groups, 1):
        of[group[group < of.size]] = n
    of[0] = 0
    cells = of[labels]
    result = labels.copy()
    boxes: list[Any] = ndi.find_objects(cells, len(groups))
    for n, box in enumerate(boxes, 1):
        if box is None:
            continue
        where = cells[box] == n
        own = np.where(np.isin(seeds[box], groups[n - 1]), seeds[box], np.uint32(0))
        found = divide(boundary[box], own, where, spacing_nm)
        result[box] = np.where(where & (found > 0), found, result[box])
    return result


def sharing(
    cells: NDArray[np.integer], seeds: NDArray[np.integer], *, only: NDArray[np.integer] | None = None
) -> list[NDArray[np.int64]]:
    """Numbers of seeds that lie in one cell, for all cells with several.

    Parameters
    ----------
    cells, seeds : ndarray of int, same shape
        0 is none.
    only : ndarray of int, optional
        Cells in which none of these seeds lies are left out.
    """
    here = np.flatnonzero((seeds.ravel() > 0) & (cells.ravel() > 0))
    pairs = np.unique(np.c_[cells.ravel()[here], seeds.ravel()[here]].astype(np.int64), axis=0)
    groups = np.split(pairs[:, 1], np.flatnonzero(np.diff(pairs[:, 0])) + 1)
    wanted = None if only is None else set(only.tolist())
    return [g for g in groups if g.size > 1 and (wanted is None or not wanted.isdisjoint(g.tolist()))]
