"""Stacks that are computed while they are read: section by section, or in order as a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import DTypeLike, NDArray

    from napari_emseg.core.progress import Progress


def sections_of(stack: Any, where: str) -> Iterator[NDArray[Any]]:
    """The sections of a stack (z, y, x), in order.

    Raises
    ------
    EmsegError
        Where a section holds values that are no numbers.
    """
    for z in range(stack.shape[0]):
        yield checked(np.asarray(stack[z]), z, where)


def checked(section: NDArray[Any], z: int, where: str) -> NDArray[Any]:
    """The section, if all its values are numbers.

    Raises
    ------
    EmsegError
        If one is NaN or infinite.
    """
    if section.dtype.kind == "f" and not np.isfinite(section).all():
        raise EmsegError(
            f"section {z} holds values that are no numbers", where, "export it without NaN and infinity"
        )
    return section


class _Computed:
    """What both kinds take: ``[z]``, ``[a:b]`` and further keys within a section."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def section(self, z: int) -> NDArray[Any]:
        """Compute one section."""
        raise NotImplementedError

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        z, *rest = key if isinstance(key, tuple) else (key,)
        if not isinstance(z, slice):
            return np.asarray(self.section(int(z))[tuple(rest)])
        parts = [self.section(n)[tuple(rest)] for n in range(*z.indices(self.shape[0]))]
        return np.stack(parts)


class SectionMap(_Computed):
    """A stack of which every section is computed by itself, in any order.

    Parameters
    ----------
    compute : callable
        ``compute(z)`` gives one section (y, x).
    shape : tuple of int
        (z, y, x) of the result.
    progress : Progress
    message : str
        What is being done.
    """

    def __init__(
        self,
        compute: Callable[[int], NDArray[Any]],
        shape: tuple[int, int, int],
        dtype: DTypeLike,
        progress: Progress,
        message: str,
    ) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._compute, self._progress, self._message = compute, progress, message

    def section(self, z: int) -> NDArray[Any]:
        """Compute one section."""
        self._progress.report(z / self.shape[0], f"{self._message}: section {z + 1} of {self.shape[0]}")
        return self._compute(z)


class SectionFlow(_Computed):
    """A stack that comes out of a stream in order; going back starts the stream anew.

    Parameters
    ----------
    start : callable
        Gives an iterator over all sections.
    """

    def __init__(
        self,
        start: Callable[[], Iterator[NDArray[Any]]],
        shape: tuple[int, int, int],
        dtype: DTypeLike,
        progress: Progress,
        message: str,
    ) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._start, self._progress, self._message = start, progress, message
        self._stream: Iterator[NDArray[Any]] = iter(())
        self._next = shape[0]
        self._last: tuple[int, NDArray[Any]] | None = None

    def section(self, z: int) -> NDArray[Any]:
        """The next section, or an earlier one at the price of starting again."""
        if self._last is not None and self._last[0] == z:
            return self._last[1]
        if z < self._next:
            self._stream, self._next = self._start(), 0
        while True:
            self._progress.report(
                self._next / self.shape[0], f"{self._message}: section {self._next + 1} of {self.shape[0]}"
            )
            self._last = None  # the stream may need the room
            values, n = next(self._stream), self._next
            self._next += 1
            if n == z:
                self._last = (z, values)
                return values


class ChannelMap:
    """Several computed stacks as one (c, z, y, x) array."""

    def __init__(self, channels: list[SectionMap]) -> None:
        self.channels = channels
        self.shape = (len(channels), *channels[0].shape)
        self.dtype = channels[0].dtype

    def __getitem__(self, key: Any) -> NDArray[Any]:
        c, *rest = key
        return self.channels[int(c)][tuple(rest) or (slice(None),)]
