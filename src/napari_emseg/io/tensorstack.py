"""Arrays that tensorstore reads and writes: N5 and Neuroglancer precomputed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.io.axes import PlacedStack
from napari_emseg.io.extras import required

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

EXTRA = "formats"


class TensorStack(PlacedStack):
    """One channel of an array that tensorstore opens.

    Parameters
    ----------
    spec : mapping
        Tensorstore's description of it.
    """

    def __init__(self, spec: Mapping[str, Any], **layout: Any) -> None:
        super().__init__(**layout)
        self._spec = dict(spec)

    def open(self) -> Any:
        """The array, with its first voxel at 0."""
        return open_tensor(self._spec, self.where)

    def take(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """Read from the chunks that the key touches."""
        with self._lock:
            if self._opened is None:
                self._opened = self.open()
        return np.asarray(self._opened[key].read().result())


class TensorSink:
    """A tensorstore array that takes boxes, and waits until each is on disk."""

    def __init__(self, tensor: Any) -> None:
        self._tensor = tensor

    def __setitem__(self, key: Any, values: NDArray[Any]) -> None:
        self._tensor[key].write(values).result()

    def __getitem__(self, key: Any) -> NDArray[Any]:
        return np.asarray(self._tensor[key].read().result())


def open_tensor(spec: Mapping[str, Any], where: str) -> Any:
    """Open or make an array; its first voxel is at 0 whatever its offset."""
    tensorstore = required("tensorstore", EXTRA, where)
    tensor = tensorstore.open(dict(spec)).result()
    return tensor[tensorstore.d[:].translate_to[0]]
