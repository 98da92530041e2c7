"""Boundary probability as the viewer and the seeds see it: only predicted sections take memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region

# Beyond it the sections predicted longest ago are forgotten, those that are kept excepted.
_LIMIT_BYTES = 1 << 30
_SCALE = 254  # 0 is kept for "not predicted", so that the viewer can leave it transparent


def coded(probability: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Probabilities, 0 to 1, as a map holds them: 1 to 255."""
    return (1 + np.round(np.clip(probability, 0, 1) * _SCALE)).astype(np.uint8)


class BoundaryMap:
    """Array-like (z, y, x) uint8: 0 not predicted, 1 to 255 probability 0 to 1.

    Parameters
    ----------
    shape : tuple of int
        Extent of the stack, (z, y, x).
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        self._sections: dict[int, NDArray[np.uint8]] = {}
        self._kept = range(0)

    ndim = 3
    dtype = np.dtype(np.uint8)

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        key = key if isinstance(key, tuple) else (key,)
        key = tuple(k for k in key if k is not Ellipsis)
        first, rest = (key[0], key[1:]) if key else (slice(None), ())
        if isinstance(first, int | np.integer):
            return self._section(range(len(self))[int(first)])[rest]
        wanted = range(len(self))[first] if isinstance(first, slice) else [int(z) for z in first]
        if not len(wanted):
            return np.zeros((0, *self.shape[1:]), np.uint8)[(slice(None), *rest)]
        return np.stack([self._section(z)[rest] for z in wanted])

    @property
    def sections(self) -> tuple[int, ...]:
        """Sections with at least one predicted pixel."""
        return tuple(sorted(self._sections))

    def keep(self, region: Region) -> None:
        """Forget none of the sections of a box that is about to be written as a whole, until the next one."""
        self._kept = range(region.start[0], region.stop[0])

    def write(
        self, region: Region, probability: NDArray[np.floating] | Sequence[NDArray[np.floating]]
    ) -> None:
        """Take over a predicted box; `probability` (z, y, x), or its sections, in 0 to 1."""
        sections = range(region.start[0], region.stop[0])
        for z, values in zip(sections, map(coded, probability), strict=True):
            if z not in self._sections:
                self._make_room()
                self._sections[z] = np.zeros(self.shape[1:], np.uint8)
            self._sections[z][region.slices[1:]] = values

    def covers(self, region: Region) -> bool:
        """Whether every voxel of a box has been predicted."""
        _, y, x = region.slices
        return all(
            z in self._sections and bool(self._sections[z][y, x].all())
            for z in range(region.start[0], region.stop[0])
        )

    def read(self, region: Region) -> NDArray[np.float32]:
        """Probability of a box, (z, y, x) float32; 1 (a wall) where nothing has been predicted."""
        found = self[region.slices]
        return np.where(found == 0, np.float32(1), (found - np.float32(1)) / _SCALE).astype(np.float32)

    def walls(self, region: Region) -> NDArray[np.uint8]:
        """Probability of a box times 255; 255 (a wall) where nothing has been predicted."""
        found = self[region.slices]
        return np.where(found == 0, np.uint8(255), found).astype(np.uint8)

    @property
    def known(self) -> KnownProbability:
        """The probability as an array; NaN where nothing has been predicted."""
        return KnownProbability(self)

    def clear(self) -> None:
        """Forget everything: another model makes other probabilities."""
        self._sections.clear()

    def _make_room(self) -> None:
        most = max(2, _LIMIT_BYTES // (self.shape[1] * self.shape[2]))
        others = [z for z in self._sections if z not in self._kept]
        for z in others[: max(0, len(self._sections) - most + 1)]:
            del self._sections[z]

    def _section(self, z: int) -> NDArray[np.uint8]:
        found = self._sections.get(z)
        return np.zeros(self.shape[1:], np.uint8) if found is None else found


class KnownProbability:
    """Array-like (z, y, x) float32, 0 to 1: what a map holds, NaN where nothing has been predicted.

    Parameters
    ----------
    held : BoundaryMap
        Read when a part is asked for.
    """

    ndim = 3
    dtype = np.dtype(np.float32)

    def __init__(self, held: BoundaryMap) -> None:
        self._held = held
        self.shape = held.shape

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        found = np.asarray(self._held[key])
        return np.where(found == 0, np.float32(np.nan), (found - np.float32(1)) / _SCALE).astype(np.float32)
