"""The image under the objects, which may be damaged in places: what cannot be read there takes nothing else along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Slices = tuple[slice, slice, slice]


class GreySections:
    """Grey values of blocks, and which sections they could not be read of.

    Parameters
    ----------
    image : array-like (z, y, x)
    around_damage : bool
        Go around sections that cannot be read; else what they raise is raised.
    """

    def __init__(self, image: Any, *, around_damage: bool) -> None:
        self._image, self._around_damage = image, around_damage
        self._unread: set[int] = set()

    @property
    def unread(self) -> tuple[int, ...]:
        """Sections of which at least a part could not be read, sorted."""
        return tuple(sorted(self._unread))

    def read(self, where: _Slices) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """A block (z, y, x), 0 where it could not be read, and of which sections it was read, (z,).

        Raises
        ------
        EmsegError
            If it cannot be read, and one is not to go around that.
        """
        sections = range(where[0].start, where[0].stop)
        if not self._unread.intersection(sections):
            try:
                return np.asarray(self._image[where]), np.ones(len(sections), np.bool_)
            except EmsegError:
                if not self._around_damage:
                    raise
        shape = (len(sections), *(part.stop - part.start for part in where[1:]))
        found, is_read = np.zeros(shape, self._image.dtype), np.zeros(len(sections), np.bool_)
        for k, z in enumerate(sections):
            if z in self._unread:
                continue
            try:
                found[k] = np.asarray(self._image[(slice(z, z + 1), *where[1:])])[0]
                is_read[k] = True
            except EmsegError:
                self._unread.add(z)
        return found, is_read
