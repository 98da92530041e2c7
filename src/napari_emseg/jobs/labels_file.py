"""Object ids of a file, checked as they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.object_ids import checked_ids, need_id_type

if TYPE_CHECKING:
    from numpy.typing import NDArray


class CheckedIds:
    """Labels of any type of whole numbers.

    Parameters
    ----------
    array : array-like (z, y, x)
    source : path
        Where it is from, for messages.

    Raises
    ------
    EmsegError
        If they are no whole numbers; when read, if some are negative.
    """

    def __init__(self, array: Any, source: object) -> None:
        self.shape, self.dtype = tuple(array.shape), np.dtype(array.dtype)
        self._array, self._source = array, source
        need_id_type(self.dtype, str(source))

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, key: Any) -> NDArray[Any]:
        return checked_ids(np.asarray(self._array[key]), str(self._source))
