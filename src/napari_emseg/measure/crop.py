"""One object cut out of its volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region
    from napari_emseg.core.stack import Spacing


@dataclass(frozen=True, slots=True, eq=False)
class ObjectCrop:
    """The voxels of one object in their box.

    Parameters
    ----------
    object_id : int
    mask : ndarray of bool (z, y, x)
        The voxels of the object.
    region : Region
        Where the box lies in the volume, in voxels.
    volume_shape : (z, y, x)
        Extent of the whole volume: what reaches its edge is cut off and cannot be measured whole.
    spacing_nm : (z, y, x)
        Voxel size in nanometres.
    solid : ndarray of bool (z, y, x), optional
        Where the voxels are coarser than those of the volume: those of which the object fills at least half. ``mask`` has
        all that it touches, so that nothing comes apart.
    """

    object_id: int
    mask: NDArray[np.bool_]
    region: Region
    volume_shape: tuple[int, int, int]
    spacing_nm: Spacing
    solid: NDArray[np.bool_] | None = None

    @property
    def body(self) -> NDArray[np.bool_]:
        """The voxels whose cuts have the right area."""
        return self.mask if self.solid is None else self.solid

    @property
    def origin_nm(self) -> NDArray[np.float64]:
        """Corner of the box (z, y, x) in nanometres; voxel k of the volume covers k to k + 1 voxel sizes."""
        return np.multiply(self.region.start, self.spacing_nm)

    @property
    def low_nm(self) -> NDArray[np.float64]:
        """First corner of the volume, in nanometres from that of the box."""
        return -self.origin_nm

    @property
    def high_nm(self) -> NDArray[np.float64]:
        """Last corner of the volume, in nanometres from the first of the box."""
        return np.multiply(self.volume_shape, self.spacing_nm) - self.origin_nm

    @property
    def edges(self) -> tuple[tuple[bool, bool], ...]:
        """For every axis whether the box begins and ends at the edge of the volume."""
        ends = zip(self.region.start, self.region.stop, self.volume_shape, strict=True)
        return tuple((a == 0, b == n) for a, b, n in ends)
