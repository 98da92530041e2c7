"""Directions in which a surface is crossed to measure it, and what each of them stands for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

_SPHERE_POINTS = 200_000  # shares of the sphere to about 1e-4
_GOLDEN = np.pi * (3 - np.sqrt(5))


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """Steps from voxel to voxel, one for each of 13 directions of space.

    Attributes
    ----------
    steps : ndarray of int64 (13, 3)
        In voxels (z, y, x); z is never negative.
    length_nm : ndarray of float64 (13,)
    share : ndarray of float64 (13,)
        Part of all directions that are nearest to this one; together 1.
    """

    steps: NDArray[np.int64]
    length_nm: NDArray[np.float64]
    share: NDArray[np.float64]

    @property
    def margin(self) -> tuple[int, int, int]:
        """How far a step leads, per axis."""
        z, y, x = np.abs(self.steps).max(0).tolist()
        return z, y, x


@lru_cache(maxsize=16)
def directions(spacing_nm: Spacing) -> Directions:
    """Thirteen directions that are spread evenly although voxels are no cubes.

    Towards the faces, edges and corners of a cube (Ohser and Muecklich, *Statistical analysis of microstructures*, 2000; Legland
    et al., *Image Analysis and Stereology* 26, 2007), each rounded to a step from voxel to voxel: with thick
    sections, a slanting step is one section and several pixels long. What a direction stands for is its cell of the
    Voronoi diagram on the sphere.
    """
    size = np.asarray(spacing_nm)
    steps = []
    for signs in product((0, 1, -1), repeat=3):
        chosen = np.asarray(signs)
        first = chosen[np.flatnonzero(chosen)[:1]]
        if not first.size or first[0] < 0:
            continue
        longest = size[chosen != 0].max()
        steps.append(chosen * np.rint(longest / size))
    found = np.asarray(steps, np.int64)
    ways = found * size
    length = np.linalg.norm(ways, axis=1)
    k = np.arange(_SPHERE_POINTS) + 0.5
    height, angle = 1 - 2 * k / _SPHERE_POINTS, k * _GOLDEN
    flat = np.sqrt(1 - height**2)
    sphere = np.stack([height, flat * np.cos(angle), flat * np.sin(angle)], 1)
    nearest = np.abs(sphere @ (ways / length[:, None]).T).argmax(1)
    share = np.bincount(nearest, minlength=len(found)) / _SPHERE_POINTS
    return Directions(found, length, share)
