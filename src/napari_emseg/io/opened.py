"""What opening a file gives: a lazy array, and how it lies in space."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.lazy import LazyArray

Offset = tuple[float, float, float]
"""Where the first voxel lies, (z, y, x) in nanometres: position = offset + index * voxel size."""


class Opened(NamedTuple):
    """An opened volume.

    Parameters
    ----------
    array : LazyStack or LazyChannels
        (z, y, x) or (c, z, y, x), read only where it is sliced.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x) in nanometres where the file carries one.
    offset_nm : tuple of float or None
        Where the first voxel lies (z, y, x), in nanometres, where the file says so.
    is_labels : bool or None
        Whether the file says that its values are object ids; None where it does not say.
    """

    array: LazyArray
    spacing_nm: Spacing | None = None
    offset_nm: Offset | None = None
    is_labels: bool | None = None

    @property
    def holds_ids(self) -> bool:
        """Whether to show and shrink the values as object ids: as the file says, else integers of 32 or more bits."""
        if self.is_labels is not None:
            return self.is_labels
        return self.array.dtype.kind in "ui" and self.array.dtype.itemsize >= _IDS_FROM_BYTES


_IDS_FROM_BYTES = 4  # grey values have 8 or 16 bits
