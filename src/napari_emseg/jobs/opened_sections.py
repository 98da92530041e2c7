"""A file as the steps of cleaning up open it: object ids are never taken for grey values that can be mixed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.object_ids import need_id_type
from napari_emseg.io import open_image
from napari_emseg.io.grid import position_moved
from napari_emseg.io.lazy import LazyChannels
from napari_emseg.io.opening import open_volume
from napari_emseg.jobs.grey_values import refuse_ids_as_image

if TYPE_CHECKING:
    from napari_emseg.core.stack import ImageStack, Spacing
    from napari_emseg.io.opened import Offset

_AS_GREY = "if they are grey values, convert --image --dtype uint16 first"


class Sections(NamedTuple):
    """An opened file.

    Attributes
    ----------
    channels : list of array-like (z, y, x)
    spacing_nm : (z, y, x) or None
    offset_nm : (z, y, x) or None
        Where the first voxel lies, if the file says so.
    """

    channels: list[Any]
    spacing_nm: Spacing | None
    offset_nm: Offset | None

    def moved(self, voxels: tuple[float, float, float]) -> Offset | None:
        """Where the first voxel of a result lies that begins so many voxels (z, y, x) from the first one here."""
        return position_moved(self.offset_nm, self.spacing_nm, voxels)


def open_sections(source: str, *, labels: bool | None = None, mixes: bool = False) -> Sections:
    """The channels of a file, their voxel size and position.

    Parameters
    ----------
    source : str
    labels : bool or None
        Whether it holds object ids; None if nobody has said so, and those that look like it are refused.
    mixes : bool
        Values of neighbouring pixels are averaged, where it does not hold object ids.

    Raises
    ------
    EmsegError
        If it cannot be read, is to be labels and holds fractions, or holds object ids that would be mixed.
    """
    if source.startswith("sample:"):
        sample = open_image(source)
        return Sections([sample.data], sample.spacing_nm, sample.offset_nm)
    opened = open_volume(source)
    array, spacing, offset, _ = opened
    if mixes and not labels and opened.holds_ids:
        raise EmsegError("these are object ids, which would be mixed", source, f"add --labels; {_AS_GREY}")
    if mixes and labels is None and opened.is_labels is None:
        first = array.channels[0] if isinstance(array, LazyChannels) else array
        refuse_ids_as_image(first, source, remedy="add --labels, or --image if they are grey values")
    if not labels and not isinstance(array, LazyChannels):
        stack = open_image(source)
        return Sections([stack.data], stack.spacing_nm, stack.offset_nm)
    if labels and np.dtype(array.dtype).kind == "f":
        need_id_type(array.dtype, source, remedy="leave --labels out")
    channels = list(array.channels) if isinstance(array, LazyChannels) else [array]
    return Sections(channels, spacing, offset)


def open_grey(source: str) -> ImageStack:
    """A stack whose grey values are to be changed.

    Raises
    ------
    EmsegError
        If it cannot be read, or holds object ids.
    """
    if not source.startswith("sample:") and open_volume(source).holds_ids:
        raise EmsegError("these are object ids and no grey values", source, f"give the image; {_AS_GREY}")
    return open_image(source)
