"""Values of another type, part by part, without ever wrapping or cutting them silently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.boxes import chunks_of

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

Window = tuple[float, float]


def converted(
    array: Any,
    dtype: DTypeLike | None,
    window: Window | None = None,
    *,
    is_labels: bool = False,
    where: str = "",
) -> Any:
    """An array whose values are given out as another type.

    Without a window integers keep their values, and floating-point values become integers only if they are
    whole; probabilities in [0, 1] need the window 0,1.

    Parameters
    ----------
    array : array-like (z, y, x) or (c, z, y, x)
        Numpy, or anything lazy.
    dtype : numpy dtype, optional
        The type wanted; as it is where none is given.
    window : tuple of float, optional
        Grey values that become 0 and the largest of an integer type, or 0 and 1 of a floating-point one; what
        lies beyond is cut off.
    is_labels : bool
        Object ids: a window would make others of them and is refused.
    where : str
        The file, for messages.

    Raises
    ------
    EmsegError
        Now if a window makes no sense, and while reading if a value does not fit.
    """
    if window and is_labels:
        raise EmsegError("a window would change object ids", where, "leave out --window, or add --image")
    wanted = np.dtype(array.dtype if dtype is None else dtype)
    if wanted == array.dtype and window is None:
        return array
    return Converted(array, wanted, window, where)


class Converted:
    """The array that `converted` gives."""

    def __init__(self, array: Any, dtype: np.dtype[Any], window: Window | None, where: str) -> None:
        self.shape, self.dtype, self.ndim = tuple(array.shape), dtype, len(array.shape)
        self.chunks = chunks_of(array)
        self._array, self._window, self._where = array, window, where

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, key: Any) -> NDArray[Any]:
        values = np.asarray(self._array[key])
        return self._scaled(values) if self._window else self._exact(values)

    def _scaled(self, values: NDArray[Any]) -> NDArray[Any]:
        low, high = self._window or (0.0, 1.0)
        share = np.clip((values.astype(np.float64) - low) / (high - low), 0.0, 1.0)
        if self.dtype.kind == "f":
            return share.astype(self.dtype)
        if not np.isfinite(share).all():
            raise self._refused("it holds values that are not numbers (NaN)", "replace them")
        top = np.iinfo(self.dtype).max
        # The largest 64-bit integers are no floating-point numbers.
        return np.minimum(
            np.rint(share * float(top)), np.nextafter(float(top), 0) if top > 1 << 53 else top
        ).astype(self.dtype)

    def _exact(self, values: NDArray[Any]) -> NDArray[Any]:
        if values.size == 0 or self.dtype.kind == "f":
            found = values.astype(self.dtype)
            if values.dtype.kind == "f" and np.isinf(found).any() and np.isfinite(values).all():
                raise self._refused(f"it holds values beyond {self.dtype}", "use --dtype float32 or --window")
            return found
        info = np.iinfo(self.dtype)
        if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.rint(values)).all()):
            raise self._refused(
                "it holds values that are not whole", "use --window LOW,HIGH, for probabilities 0,1"
            )
        low, high = values.min(), values.max()
        if int(low) < info.min or int(high) > info.max:
            raise self._refused(
                f"its values {low} to {high} do not fit {self.dtype}",
                "use a larger --dtype, or --window LOW,HIGH",
            )
        return values.astype(self.dtype)

    def _refused(self, what: str, remedy: str) -> EmsegError:
        return EmsegError(what, self._where, remedy)
