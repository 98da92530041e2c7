"""Where the two sides of a pair are: a point inside each cell, at their contact and clear of the membrane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.synapses.surroundings import distance_nm, narrowed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.algorithms.synapses.surroundings import Crop
    from napari_emseg.settings import SynapseSettings

Point = tuple[float, float, float]

_DEEP_NM = 40.0  # a site need not be deeper than this inside its cell
_NEARNESS = 0.5  # what a nanometre from cleft and partner costs, in nanometres of depth


def sites(
    crop: Crop, pairs: Sequence[tuple[int, int]], settings: SynapseSettings
) -> list[tuple[Point, Point]]:
    """A place in each of two cells, for every pair.

    Parameters
    ----------
    crop : Crop
    pairs : sequence of (int, int)
        Cells of the crop.
    settings : SynapseSettings

    Returns
    -------
    list of (point, point)
        (z, y, x) in nm from the beginning of the crop, in the middle of a voxel of the cell.
    """
    small, box = narrowed(crop, settings)
    start = np.array([s.start for s in box])
    away = distance_nm(small.cleft, small.spacing_nm)
    wanted = sorted({k for pair in pairs for k in pair})
    to = {k: distance_nm(small.cells == k, small.spacing_nm) for k in wanted}
    deep = {k: np.minimum(distance_nm(small.cells != k, small.spacing_nm), _DEEP_NM) for k in wanted}

    def site(one: int, other: int) -> Point:
        cost = away + to[other]
        merit = np.where(small.cells == one, deep[one] - _NEARNESS * cost, -np.inf)
        return _middle(merit, start, crop)

    return [(site(a, b), site(b, a)) for a, b in pairs]


def own_sites(crop: Crop, cell: int, settings: SynapseSettings) -> tuple[Point, Point]:
    """The same for a synapse of a cell with itself, by the map of sides."""
    small, box = narrowed(crop, settings)
    start = np.array([s.start for s in box])
    away = distance_nm(small.cleft, small.spacing_nm)
    signed = np.asarray(small.signed, np.float64)
    mine = np.where((small.cells == cell) & (away <= settings.reach_nm + max(small.spacing_nm)), 1.0, 0.0)
    pre, post = np.maximum(signed, 0) * mine, np.maximum(-signed, 0) * mine
    return _heart(pre, start, crop), _heart(post, start, crop)


def _heart(mass: NDArray[np.float64], start: NDArray[np.intp], crop: Crop) -> Point:
    """The voxel with mass that is nearest to its centre."""
    places = np.argwhere(mass > 0.5 * mass.max())
    weight = mass[tuple(places.T)]
    centre = (places * weight[:, None]).sum(0) / weight.sum()
    best = places[np.argmin((((places - centre) * np.asarray(crop.spacing_nm)) ** 2).sum(1))]
    return _point(best, start, crop)


def _middle(merit: NDArray[np.float64], start: NDArray[np.intp], crop: Crop) -> Point:
    """The best voxel; of many that are as good, the one in their middle, whichever way the axes run."""
    best = np.argwhere(merit >= merit.max() - 1e-3)
    centre = best.mean(0)
    return _point(best[np.argmin((((best - centre) * np.asarray(crop.spacing_nm)) ** 2).sum(1))], start, crop)


def _point(voxel: NDArray[np.intp], start: NDArray[np.intp], crop: Crop) -> Point:
    z, y, x = ((voxel + start + 0.5) * np.asarray(crop.spacing_nm)).tolist()
    return z, y, x
