"""Seeds that people placed, among those that are found by distance: every dot that is shown becomes one segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.agglomeration import merge_by_boundary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

Voxel = tuple[int, int, int]

ONE_CELL_BELOW = 0.5
"""Parts of one cell have a border below this on average."""


@dataclass(frozen=True, slots=True)
class PlacedSeeds:
    """What a person changed about the seeds of a box.

    Parameters
    ----------
    points : tuple of (z, y, x)
        Voxels of the box in which a seed was placed; no voxel twice.
    struck : tuple of (z, y, x)
        Where a seed that was found was struck out.
    alone : bool
        Only placed seeds become segments; all others merely stop them at their cells.
    """

    points: tuple[Voxel, ...] = ()
    struck: tuple[Voxel, ...] = ()
    alone: bool = False

    def __bool__(self) -> bool:
        return bool(self.points or self.struck)

    def of(self, z: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Pixels (n, 2) that were placed in a section, and those that were struck out there."""
        return _pixels(self.points, z), _pixels(self.struck, z)


NOTHING_PLACED = PlacedSeeds()


def with_placed(
    seeds: NDArray[np.uint32],
    points: NDArray[np.intp],
    struck: NDArray[np.intp],
    *,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Seeds of a section as a person wants them.

    Parameters
    ----------
    seeds : ndarray of uint32 (y, x)
        Areas that were found, numbered from 1.
    points, struck : ndarray of int (n, 2)
        Pixels (y, x).
    mask : ndarray of bool (y, x), optional
        Points outside are left out.

    Returns
    -------
    seeds : ndarray of uint32 (y, x)
        Struck areas are gone. An area in which points were placed shrinks to its middle, so that all of them can grow.
        Points have numbers of their own, above the others.
    numbers : ndarray of uint32 (n,)
        The number of every point; 0 for those that were left out.
    """
    found = seeds.copy()
    gone = np.unique(found[tuple(struck.T)])
    found[np.isin(found, gone[gone > 0])] = 0
    inside = np.ones(len(points), bool) if mask is None else mask[tuple(points.T)]
    numbers = np.zeros(len(points), np.uint32)
    numbers[inside] = int(seeds.max(initial=0)) + 1 + np.arange(int(inside.sum()))
    shared = np.unique(found[tuple(points[inside].T)])
    shared = shared[shared > 0]
    if shared.size:
        areas = np.where(np.isin(found, shared), found, np.uint32(0))
        ids, middles = middles_of(areas)
        found[areas > 0] = 0
        found[tuple(np.rint(middles).astype(np.intp).T)] = ids
    found[tuple(points.T)] = np.where(inside, numbers, found[tuple(points.T)])
    return found, numbers


def middles_of(areas: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
    """A place inside every area of a section.

    Parameters
    ----------
    areas : ndarray of uint32 (y, x)

    Returns
    -------
    ids : ndarray of uint32 (n,)
    places : ndarray of float64 (n, 2)
        The mean of its pixels (y, x), or, where that lies outside a bent area, the pixel of it that is nearest.
    """
    y, x = np.nonzero(areas)
    of = areas[y, x].astype(np.intp)
    n = np.bincount(of, minlength=1)
    ids = np.flatnonzero(n)
    places = np.stack([np.bincount(of, k, minlength=1)[ids] / n[ids] for k in (y, x)], axis=1)
    nearest = np.rint(places).astype(np.intp)
    for k in np.flatnonzero(areas[tuple(nearest.T)] != ids):
        own = of == ids[k]
        best = int(((y[own] - places[k, 0]) ** 2 + (x[own] - places[k, 1]) ** 2).argmin())
        places[k] = y[own][best], x[own][best]
    return ids.astype(np.uint32), places


def grow_alone(
    boundary: NDArray[Any],
    seeds: NDArray[np.uint32],
    numbers: NDArray[np.uint32],
    *,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint32]:
    """Grow some seeds of a section up to the membranes around them, and no others.

    Parameters
    ----------
    boundary : ndarray (y, x)
        Membrane probability: floats in [0, 1] or uint8 in 0..255.
    seeds : ndarray of uint32 (y, x)
        All seeds. Those that do not grow divide what is behind a gap in a membrane from what is before it.
    numbers : ndarray of uint32 (n,)
        The seeds that grow.
    mask : ndarray of bool (y, x), optional
        Nothing grows outside.

    Returns
    -------
    ndarray of uint32 (y, x)
        Segments under the numbers of their seeds; 0 elsewhere.
    """
    from napari_emseg.algorithms.dividing import divide_shared, sharing
    from napari_emseg.algorithms.watershed import grow  # it knows this file

    own = np.where(np.isin(seeds, numbers[numbers > 0]), seeds, np.uint32(0))
    parts = np.asarray(grow(boundary, seeds, mask=mask), np.uint32)
    cells = merge_by_boundary(parts, boundary, ONE_CELL_BELOW)
    held = np.unique(cells[own > 0])
    inside = np.isin(cells, held[held > 0])
    grown = np.asarray(grow(boundary, own, mask=inside if mask is None else inside & mask), np.uint32)
    return divide_shared(grown, boundary, own, sharing(cells, own))


def divided(
    labels: NDArray[np.uint32],
    boundary: NDArray[Any],
    points: Iterable[Voxel],
    spacing_nm: Spacing | None = None,
) -> NDArray[np.uint32]:
    """Divide every object in which several seeds were placed between them.

    Parameters
    ----------
    labels : ndarray of uint32 (z, y, x)
        Objects, numbered from 1.
    boundary : ndarray, same shape
        Membrane probability.
    points : iterable of (z, y, x)
    spacing_nm : (z, y, x), optional
        Voxel size; default: cubes.

    Returns
    -------
    ndarray of uint32 (z, y, x)
        A copy; new objects are numbered above the others.
    """
    from napari_emseg.algorithms.dividing import divide

    inside: dict[int, list[Voxel]] = {}
    for point in points:
        inside.setdefault(int(labels[point]), []).append(point)
    result, last = labels.copy(), int(labels.max(initial=0))
    for name, own in inside.items():
        if name == 0 or len(own) < 2:
            continue
        start = np.zeros(labels.shape, np.uint32)
        for n, point in enumerate(own):
            start[point] = name if n == 0 else last + n
        last += len(own) - 1
        found = divide(boundary, start, labels == name, spacing_nm)
        result = np.where(found > 0, found, result)
    return result


def _pixels(voxels: tuple[Voxel, ...], z: int) -> NDArray[np.intp]:
    return np.array([v[1:] for v in voxels if v[0] == z], np.intp).reshape(-1, 2)
