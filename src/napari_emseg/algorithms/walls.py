"""Pieces of a boundary map and the walls between them: the places at which it is decided what is one cell.

A boundary map is cut into more pieces than there are cells, also where a membrane has a gap: at every neck. What lies
between two pieces is a wall, true or false, and much more can be said about a wall than about a pixel: how it runs,
how strong it is at its weakest place, how large the pieces are that it divides (Andres et al. 2008,
doi:10.1007/978-3-540-85988-8_17; Beier et al. 2017, doi:10.1038/nmeth.4151).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from napari_emseg.algorithms.peaks import hills
from napari_emseg.algorithms.seeds import distance_to_membrane
from napari_emseg.algorithms.watershed import grow

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CUTS = (0.15, 0.3, 0.5)
_NECK = 0.5  # pixels by which a neck is narrower than the parts that it joins
_SMOOTH = 1.0  # pixels
_DEEP = 0.5  # pixels


@dataclass(frozen=True, eq=False)
class Walls:
    """Pieces of one section and the walls between them.

    Parameters
    ----------
    pieces : ndarray of uint32 (y, x)
        Every pixel belongs to a piece; ids from 1.
    depth : ndarray of float32 (y, x)
        Mean distance to the membranes at several thresholds, in pixels.
    """

    pieces: NDArray[np.uint32]
    depth: NDArray[np.float32]

    @cached_property
    def _faces(self) -> tuple[NDArray[np.intp], ...]:
        columns = self.pieces.shape[1]
        row, column = np.nonzero(self.pieces[:, 1:] != self.pieces[:, :-1])
        beside = row * columns + column
        above = np.flatnonzero(self.pieces[1:] != self.pieces[:-1])
        here = np.concatenate([beside, above])
        there = np.concatenate([beside + 1, above + columns])
        flat = self.pieces.ravel().astype(np.int64)
        low, high = np.minimum(flat[here], flat[there]), np.maximum(flat[here], flat[there])
        names, wall = np.unique(low * self.n_ids + high, return_inverse=True)
        order = np.argsort(wall, kind="stable")  # faces of a wall lie together
        return here[order], there[order], wall[order], names

    @property
    def n_ids(self) -> int:
        """Largest id of a piece and one."""
        return int(self.pieces.max(initial=0)) + 1

    @property
    def here(self) -> NDArray[np.intp]:
        """Flat number of the left or upper pixel of every face; the faces of a wall lie together."""
        return self._faces[0]

    @property
    def there(self) -> NDArray[np.intp]:
        """Flat number of the right or lower pixel of every face."""
        return self._faces[1]

    @property
    def wall(self) -> NDArray[np.intp]:
        """Wall of every face, rising."""
        return self._faces[2]

    @property
    def a(self) -> NDArray[np.int64]:
        """Lower id of every wall."""
        return np.asarray(self._faces[3] // self.n_ids)

    @property
    def b(self) -> NDArray[np.int64]:
        """Higher id of every wall."""
        return np.asarray(self._faces[3] % self.n_ids)

    @cached_property
    def length(self) -> NDArray[np.int64]:
        """Faces of every wall."""
        return np.bincount(self.wall, minlength=self.a.size)


def find_walls(boundary: NDArray[np.float32]) -> Walls:
    """Cut a section into pieces at every neck.

    Parameters
    ----------
    boundary : ndarray (y, x) float32
        Probability of membrane in [0, 1].

    Returns
    -------
    Walls

    Examples
    --------
    >>> gap = np.zeros((9, 21), np.float32)
    >>> gap[:, 10] = 1
    >>> gap[4, 10] = 0
    >>> np.unique(find_walls(gap).pieces[:, [3, 17]], axis=0).tolist()
    [[1, 2]]
    """
    flat = (1.0, 1.0, 1.0)
    depth = np.asarray(np.mean([distance_to_membrane(boundary < cut, flat) for cut in _CUTS], 0), np.float32)
    smooth = ndi.gaussian_filter(depth, _SMOOTH)
    seeds = hills(smooth, _NECK)
    seeds[smooth <= _DEEP] = 0
    if not seeds.any():
        return Walls(np.ones(boundary.shape, np.uint32), depth)
    pieces = grow(boundary, seeds)
    numbers = np.cumsum(np.bincount(pieces.ravel(), minlength=2)[1:] > 0)
    return Walls(np.concatenate([[0], numbers]).astype(np.uint32)[pieces], depth)
