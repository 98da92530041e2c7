"""Stacks as a canvas gets them: what cannot be read is black and said, instead of stopping the view.

Whatever works on the voxels takes the ``stack`` itself: there, black would be a lie.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike, NDArray


class Shown:
    """Reads from a lazy stack for the eye only; work on the stack itself is refused where it cannot be read.

    Parameters
    ----------
    stack : array-like (z, y, x)
    failed : callable
        Told why something could not be read.
    """

    def __init__(self, stack: Any, failed: Callable[[EmsegError], None]) -> None:
        self.stack = stack
        self._failed = failed
        self.shape = tuple(int(n) for n in stack.shape)
        self.dtype = np.dtype(stack.dtype)
        self.ndim = len(self.shape)
        self.size = int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        try:
            return np.asarray(self.stack[key])
        except (EmsegError, OSError) as error:
            self._failed(
                error if isinstance(error, EmsegError) else EmsegError(f"the image cannot be read ({error})")
            )
            return np.array(np.broadcast_to(np.zeros((), self.dtype), self.shape)[key])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return self[:].astype(dtype or self.dtype, copy=False)

    def __deepcopy__(self, memo: object) -> Shown:
        return self  # napari duplicates layers so: what is only read need not be read for it


class Forgiving(Shown):
    """What our reader gives to napari alone: it warns, once in the same words, and napari shows warnings as notes.

    Parameters
    ----------
    stack : array-like (z, y, x)
    """

    def __init__(self, stack: Any) -> None:
        super().__init__(stack, self._warn)
        self._said: set[str] = set()

    def _warn(self, error: EmsegError) -> None:
        text = f"{error}; it is shown black"
        if text not in self._said:
            self._said.add(text)
            warnings.warn(text, stacklevel=3)
