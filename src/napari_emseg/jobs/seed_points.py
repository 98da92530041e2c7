"""Where the seeds of one section would lie: small and fast enough to follow a slider."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.placed_seeds import NOTHING_PLACED, PlacedSeeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.algorithms.seeds import Cells
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
    placed : PlacedSeeds
        What a person has changed already, in voxels of a box of one section.
    """

    boundary: NDArray[np.uint8]
    settings: SeedSettings
    spacing_nm: Spacing | None
    start: tuple[int, int, int]
    placed: PlacedSeeds = NOTHING_PLACED


class _Section:
    """A boundary map that compares by content, so that distances are measured once per threshold."""

    def __init__(self, boundary: NDArray[np.uint8]) -> None:
        self.boundary = boundary
        self._sum = zlib.adler32(np.ascontiguousarray(boundary).data)

    def __hash__(self) -> int:
        return self._sum

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Section) and np.array_equal(self.boundary, other.boundary)


@lru_cache(maxsize=2)
def _cells(section: _Section, threshold: float, sigma_nm: float, spacing_nm: Spacing) -> Cells:
    from napari_emseg.algorithms.seeds import Cells, cell_mask
    from napari_emseg.settings import SeedSettings

    settings = SeedSettings(threshold=threshold, sigma_nm=sigma_nm)
    return Cells(cell_mask(section.boundary, settings, spacing_nm), spacing_nm)


def run(request: SeedPointsRequest, progress: Progress) -> NDArray[np.float64]:
    """Middle of every seed that was found and not struck out.

    Returns
    -------
    ndarray (n, 3) float64
        Voxels (z, y, x) in the stack.
    """
    from napari_emseg.algorithms.placed_seeds import middles_of, with_placed
    from napari_emseg.algorithms.scale import working_spacing
    from napari_emseg.algorithms.seeds import seeds_in

    progress.report(0.0, "placing seeds")
    spacing = working_spacing(request.spacing_nm)
    settings = request.settings
    cells = _cells(_Section(request.boundary), settings.threshold, settings.sigma_nm, spacing)
    found = seeds_in(cells, settings)
    points, struck = request.placed.of(0)
    seeds, numbers = with_placed(found, points, struck)
    ids, middles = middles_of(seeds)
    there = ~np.isin(ids, numbers)
    start = np.asarray(request.start, np.float64)
    return np.insert(middles[there], 0, 0.0, axis=1) + start
