"""Stacks in memory, every section compressed: label volumes shrink to a hundredth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.codec import squeeze, swell
from napari_emseg.io.lazy import LazyStack, voxel_type

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from napari_emseg.core.edit import Region


class PackedStack(LazyStack):
    """Sections that are filled in one by one; those that were not are 0.

    Parameters
    ----------
    shape : tuple of int
        Extent (z, y, x).
    dtype : numpy dtype
    """

    def __init__(self, shape: tuple[int, int, int], dtype: DTypeLike) -> None:
        super().__init__(shape, voxel_type(dtype))
        self._sections: dict[int, bytes] = {}
        self._last: tuple[int, NDArray[Any]] | None = None

    def put(self, z: int, section: NDArray[Any]) -> None:
        """Fill in a section (y, x)."""
        self.put_packed(z, squeeze(section, self.dtype))

    def put_packed(self, z: int, raw: bytes) -> None:
        """Fill in a section that `packed` gave."""
        self._sections[z] = raw
        self._last = None

    def packed(self, z: int) -> bytes:
        """A section as bytes, for another `PackedStack` of the same kind.

        Raises
        ------
        KeyError
            If it was not filled in.
        """
        return self._sections[z]

    @property
    def filled(self) -> tuple[int, ...]:
        """Sections that were filled in."""
        return tuple(sorted(self._sections))

    @property
    def packed_bytes(self) -> int:
        """Memory that the sections take."""
        return sum(map(len, self._sections.values()))

    def section(self, z: int) -> NDArray[Any]:
        """One section (y, x); do not write into it."""
        last = self._last
        if last is not None and last[0] == z:
            return last[1]
        raw = self._sections.get(z)
        shape = self.shape[1:]
        found = np.zeros(shape, self.dtype) if raw is None else swell(raw, shape, self.dtype)
        self._last = z, found
        return found

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box."""
        z, y, x = region.slices
        return np.stack([self.section(k)[y, x] for k in range(z.start, z.stop)])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": None}
