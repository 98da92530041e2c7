"""Where the seeds of one section would lie: small and fast enough to follow a slider."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import SeedSettings


@dataclass(frozen=True, eq=False)
class SeedPointsRequest:
    """One section's boundary map.

    Parameters
    ----------
    boundary : ndarray (y, x) uint8
        Membrane probability, 0 to 255.
    spacing_nm : (z, y, x) or None
    start : (z, y, x)
        Where the first pixel lies in the stack.
    """

    boundary: NDArray[np.uint8]
    settings: SeedSettings
    spacing_nm: Spacing | None
    start: tuple[int, int, int]


class _Section:
    """A boundary map that compares by content, so that its distance map is computed once per threshold."""

    def __init__(self, boundary: NDArray[np.uint8]) -> None:
        self.boundary = boundary
        self._sum = zlib.adler32(np.ascontiguousarray(boundary).data)

    def __hash__(self) -> int:
        return self._sum

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Section) and np.array_equal(self.boundary, other.boundary)


@lru_cache(maxsize=2)
def _distance(
    section: _Section, threshold: float, sigma_nm: float, spacing_nm: Spacing
) -> NDArray[np.float32]:
    from napari_emseg.algorithms.seeds import cell_mask, distance_to_membrane
    from napari_emseg.settings import SeedSettings

    settings = SeedSettings(threshold=threshold, sigma_nm=sigma_nm)
    return distance_to_membrane(cell_mask(section.boundary, settings, spacing_nm), spacing_nm)


def run(request: SeedPointsRequest, progress: Progress) -> NDArray[np.float64]:
    """Middle of every seed.

    Returns
    -------
    ndarray (n, 3) float64
        Voxels (z, y, x) in the stack.
    """
    from napari_emseg.algorithms.scale import working_spacing
    from napari_emseg.algorithms.seeds import seeds_from_distance

    progress.report(0.0, "placing seeds")
    spacing = working_spacing(request.spacing_nm)
    settings = request.settings
    distance = _distance(_Section(request.boundary), settings.threshold, settings.sigma_nm, spacing)
    seeds: NDArray[Any] = seeds_from_distance(distance, settings, spacing)
    y, x = np.nonzero(seeds)
    ids = seeds[y, x].astype(np.intp)
    n = np.bincount(ids, minlength=1)
    there = np.flatnonzero(n)
    points = np.empty((len(there), 3))
    points[:, 0] = request.start[0]
    points[:, 1] = np.bincount(ids, y, minlength=1)[there] / n[there] + request.start[1]
    points[:, 2] = np.bincount(ids, x, minlength=1)[there] / n[there] + request.start[2]
    return points
