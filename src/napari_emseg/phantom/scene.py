"""What the later steps of making a phantom need to know about its cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Scene:
    """Labelled cells with their owners.

    Parameters
    ----------
    labels : ndarray (z, y, x) uint32
        Instance ids.
    owner_of : ndarray (n + 1,) int32
        Neurite index of each id.
    glia_index : int
        Neurite index of glia.
    border_nm : ndarray (z, y, x) float32
        Distance within the section to the nearest pixel border of the own cell.
    spacing_nm : tuple of float
        Voxel size (z, y, x).
    """

    labels: NDArray[np.uint32]
    owner_of: NDArray[np.int32]
    glia_index: int
    border_nm: NDArray[np.float32]
    spacing_nm: tuple[float, float, float]

    @property
    def volume_um3(self) -> float:
        """Volume in cubic micrometres."""
        return float(np.prod(np.array(self.labels.shape) * self.spacing_nm) / 1e9)

    @property
    def extent_nm(self) -> NDArray[np.float64]:
        """Size (z, y, x) in nanometres."""
        return np.asarray(np.array(self.labels.shape) * np.array(self.spacing_nm), dtype=np.float64)

    def voxel_of(self, position_nm: NDArray[np.floating]) -> tuple[NDArray[np.intp], ...]:
        """Indices (z, y, x) of the voxels that hold these positions (n, 3), clipped to the volume."""
        index = np.floor(position_nm / np.array(self.spacing_nm)).astype(np.intp)
        index = np.clip(index, 0, np.array(self.labels.shape) - 1)
        return index[:, 0], index[:, 1], index[:, 2]

    def random_positions(self, rng: np.random.Generator, count: int) -> NDArray[np.float32]:
        """Uniform positions (count, 3) in nanometres."""
        return (rng.random((count, 3), dtype=np.float32) * self.extent_nm).astype(np.float32)

    @cached_property
    def is_glia(self) -> NDArray[np.bool_]:
        """Whether an id is glia, (n + 1,)."""
        return np.asarray(self.owner_of == self.glia_index)

    @cached_property
    def centroid_px(self) -> NDArray[np.float64]:
        """Centroid (y, x) of each id in each section, (z, n + 1, 2); NaN where it is absent."""
        n = len(self.owner_of)
        out = np.full((self.labels.shape[0], n, 2), np.nan)
        y, x = np.indices(self.labels.shape[1:], dtype=np.float64)
        for z, section in enumerate(self.labels):
            flat = section.ravel()
            area = np.bincount(flat, minlength=n).astype(np.float64)
            area[area == 0] = np.nan
            out[z, :, 0] = np.bincount(flat, y.ravel(), minlength=n) / area
            out[z, :, 1] = np.bincount(flat, x.ravel(), minlength=n) / area
        return out
