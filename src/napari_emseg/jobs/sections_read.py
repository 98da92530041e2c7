"""Grey values of sections for work on a project, around what cannot be read.

A section that is left out is not looked at by models: the one beside it stands in. So it need not be readable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.lazy import LazyStack

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region
    from napari_emseg.core.stack import ImageStack

_NOBODY_LOOKS = 0.0, 1.0
_EVERYTHING = slice(None)


def read_sections(
    image: ImageStack,
    start: int,
    stop: int,
    excluded: Collection[int] | None,
    *,
    needed: Collection[int] = (),
    rows: slice = _EVERYTHING,
    columns: slice = _EVERYTHING,
) -> NDArray[Any]:
    """Read neighbouring sections of a project's image.

    Parameters
    ----------
    image : ImageStack
    start, stop : int
        First section, and the one after the last.
    excluded : collection of int or None
        Sections that are left out; blank where they cannot be read. None for a stack that is in no project.
    needed : collection of int
        Sections that have to be read, also where they are left out.
    rows, columns : slice
        Part of the sections.

    Returns
    -------
    ndarray (z, y, x)

    Raises
    ------
    EmsegError
        If another section cannot be read; it says which, and that it can be left out.
    """
    try:
        return np.array(image.data[start:stop, rows, columns])
    except EmsegError:  # one by one, to know which
        pass
    kept = [_section(image, z, rows, columns, excluded, needed) for z in range(start, stop)]
    first = next((part for part in kept if part is not None), None)
    if first is None:
        extent = (len(range(*rows.indices(image.shape[1]))), len(range(*columns.indices(image.shape[2]))))
        first = np.zeros(extent, image.data.dtype)
    return np.stack([np.zeros_like(first) if part is None else part for part in kept])


class ProjectImage(LazyStack):
    """The image of a project as `read_sections` reads it: left-out sections that cannot be read are blank.

    Parameters
    ----------
    image : ImageStack
    excluded : collection of int
        Sections that are left out.
    """

    def __init__(self, image: ImageStack, excluded: Collection[int]) -> None:
        super().__init__(image.shape, image.data.dtype, getattr(image.data, "chunks", None), image.name)
        self._image, self._excluded = image, frozenset(excluded)

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box; the answer has ``region.shape``."""
        _, rows, columns = region.slices
        return read_sections(
            self._image, region.start[0], region.stop[0], self._excluded, rows=rows, columns=columns
        )


def statistics_of(image: ImageStack, section: int, excluded: Collection[int]) -> tuple[float, float]:
    """Mean and standard deviation of a section; of one that is left out and cannot be read, any numbers."""
    try:
        return image.statistics(section)
    except EmsegError:
        if section not in excluded:
            raise
        return _NOBODY_LOOKS


def _section(
    image: ImageStack,
    z: int,
    rows: slice,
    columns: slice,
    excluded: Collection[int] | None,
    needed: Collection[int],
) -> NDArray[Any] | None:
    try:
        return np.array(image.data[z, rows, columns])
    except EmsegError as error:
        if excluded is not None and z in excluded and z not in needed:
            return None
        remedy = "copy or export it again"
        if excluded is not None and z not in needed:
            remedy += f", or exclude section {z}"
        raise EmsegError(error.what, error.where, remedy) from error
