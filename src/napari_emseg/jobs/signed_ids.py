"""Ids that need all 64 bits, as numbers that tables of int64 can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST = np.uint64(np.iinfo(np.int64).max)
_FROM = 1 << 62  # nobody counts objects up to here


class SignedIds:
    """A volume whose ids of 2**63 and more, such as CREMI's codes, go by other names.

    Parameters
    ----------
    array : array-like (z, y, x)
        Labels of any type; only 64-bit ones without sign are ever changed.
    """

    def __init__(self, array: Any) -> None:
        self._array = array
        self._names: dict[int, int] = {}
        self._large: list[int] = []  # by their names, counted from the first

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels (z, y, x)."""
        return tuple(self._array.shape)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        ids = np.asarray(self._array[key])
        if ids.dtype != np.uint64 or ids.max(initial=0) <= _LARGEST:
            return ids
        large = ids > _LARGEST
        found, of = np.unique(ids[large], return_inverse=True)
        names = [self._name(i) for i in found.tolist()]
        out = np.where(large, 0, ids).astype(np.int64)
        out[large] = np.asarray(names, np.int64)[of]
        return out

    def true_id(self, name: int) -> int:
        """The id that the volume itself has."""
        place = name - _FROM
        return self._large[place] if 0 <= place < len(self._large) else name

    def _name(self, large: int) -> int:
        if large not in self._names:
            self._names[large] = _FROM + len(self._large)
            self._large.append(large)
        return self._names[large]
