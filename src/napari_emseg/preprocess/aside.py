"""Sections that wait for their turn in a temporary file, so that memory holds none of them."""

from __future__ import annotations

import tempfile
from collections import deque
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Aside:
    """A queue of arrays in a file without a name, which the system removes with the last of its handles.

    Places in the file are used again, so that it never holds more than waited at once.

    Examples
    --------
    >>> with Aside() as waiting:
    ...     waiting.put(np.arange(3))
    ...     waiting.take().tolist()
    [0, 1, 2]
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._waiting: deque[tuple[int, tuple[int, ...], np.dtype[Any], int]] = deque()
        self._free: list[tuple[int, int]] = []
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, array: NDArray[Any]) -> None:
        """Add an array at the end.

        Raises
        ------
        EmsegError
            If the disk for temporary files is full or cannot be written.
        """
        array = np.ascontiguousarray(array)
        place, room = self._place(array.nbytes)
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="emseg-")  # noqa: SIM115 - open as long as something waits
            self._file.seek(place)
            self._file.write(array.data.cast("B") if array.size else b"")
            self._file.flush()
        except OSError as error:
            raise EmsegError(
                f"a section cannot be put aside ({error.strerror})", tempfile.gettempdir(),
                "make room for temporary files, or let TMPDIR name another folder",
            ) from error  # fmt: skip
        self._waiting.append((place, array.shape, array.dtype, room))

    def take(self) -> NDArray[Any]:
        """Remove the first array and give it back.

        Raises
        ------
        IndexError
            If nothing waits.
        EmsegError
            If the file cannot be read.
        """
        place, shape, dtype, room = self._waiting.popleft()
        self._free.append((place, room))
        array = np.empty(shape, dtype)
        if not array.size or self._file is None:
            return array
        self._file.seek(place)
        if self._file.readinto(array.data.cast("B")) != array.nbytes:  # type: ignore[attr-defined]
            raise EmsegError("a section that was put aside is lost", tempfile.gettempdir(), "start again")
        return array

    def close(self) -> None:
        """Give up the file and what still waits in it."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._waiting.clear()

    def _place(self, size: int) -> tuple[int, int]:
        """Where so many bytes go, and how many there is room for."""
        for n, (place, room) in enumerate(self._free):
            if room >= size:
                del self._free[n]
                return place, room
        place = self._end
        self._end += size
        return place, size
