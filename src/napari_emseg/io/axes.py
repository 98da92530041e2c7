"""Arrays of any axis order as (z, y, x) stacks and channels of them."""

from __future__ import annotations

import math
import threading
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.lazy import LazyArray, LazyChannels, LazyStack, grey_of
from napari_emseg.io.paths import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region

_DEFAULT = {1: "x", 2: "yx", 3: "zyx", 4: "czyx", 5: "tczyx"}
_COLOUR = "s"  # red, green, blue and opacity of one pixel
_MOST_CHANNELS = 4096
_MOST_VOXELS = 1 << 62  # numbers of voxels are counted in 64 bits


def stack_axes(said: str, full: Sequence[int], dtype: np.dtype[Any], where: str) -> str:
    """Letters of the axes of an array; the usual ones where the file does not say.

    Parameters
    ----------
    said : str
        Letters from the file, or empty.
    full : sequence of int
        Shape of the array.

    Returns
    -------
    str
        Letters of "tczyx" and "s" (colour samples), one an axis.

    Raises
    ------
    EmsegError
        If they form no stack of sections with channels.
    """
    axes = said.lower()
    if len(axes) != len(full):
        colour = len(full) == 4 and full[-1] in (3, 4) and dtype == np.uint8
        axes = f"zyx{_COLOUR}" if colour else _DEFAULT.get(len(full), "?" * len(full))
    extra = [n for a, n in zip(axes, full, strict=True) if a not in f"czyx{_COLOUR}"]
    if any(n != 1 for n in extra) or len(set(axes)) < len(axes) or not {"y", "x"} <= set(axes):
        listed = ", ".join(f"{a} {n}" for a, n in zip(axes, full, strict=True))
        raise EmsegError(f"its axes are no stack of sections ({listed})", where, "give axes (z, y, x)")
    return axes


def split_channels(make: Callable[[int], LazyStack], axes: str, full: Sequence[int], where: str) -> LazyArray:
    """One stack, or one for each channel.

    Raises
    ------
    EmsegError
        If the array has no voxels, or thousands of channels.
    """
    n = int(full[axes.index("c")]) if "c" in axes else 1
    if min(full) < 1 or n > _MOST_CHANNELS or math.prod(int(f) for f in full) > _MOST_VOXELS:
        what = "it holds no voxels" if min(full) < 1 else "its extent makes no sense"
        raise EmsegError(f"{what} {tuple(full)}", where, "export it again with axes (c, z, y, x)")
    stacks = [make(channel) for channel in range(n)]
    return stacks[0] if n == 1 else LazyChannels(stacks)


class PlacedStack(LazyStack):
    """One channel of an array of any axis order, opened when first read and again in another process.

    Parameters
    ----------
    axes : str
        A letter for each axis of the array, in its order.
    full : tuple of int
        Its shape.
    channel : int
        Which channel, where there are several.
    pieces : tuple of int, optional
        Its chunks, in the order of its axes.
    start : tuple of int
        Where the stack begins in the array (z, y, x), where it is only a part of it.
    shape : tuple of int, optional
        Extent (z, y, x) of that part.
    """

    def __init__(
        self,
        *,
        axes: str,
        full: Sequence[int],
        dtype: Any,
        channel: int = 0,
        pieces: Sequence[int] | None = None,
        where: str = "",
        start: Sequence[int] = (0, 0, 0),
        shape: Sequence[int] | None = None,
    ) -> None:
        extent = dict(zip(axes, full, strict=True))
        units = dict(zip(axes, pieces, strict=True)) if pieces else None
        super().__init__(
            shape or [extent.get(a, 1) for a in "zyx"], dtype,
            [units.get(a, 1) for a in "zyx"] if units else None, where,
        )  # fmt: skip
        self._axes, self._channel, self._start = axes, channel, tuple(start)
        self._opened: Any = None
        self._lock = threading.Lock()

    @abstractmethod
    def open(self) -> Any:
        """What is sliced: an array that takes integers and slices."""

    def take(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """Read a part of the array in the array's own order of axes."""
        with self._lock:
            if self._opened is None:
                self._opened = self.open()
        return np.asarray(self._opened[key])

    def _check_there(self) -> None:
        """Of an array in chunks a missing chunk is empty, and so is all of it when its disk goes away."""
        parts = self.where.split(SEPARATOR)  # names may hold it, too
        paths = (SEPARATOR.join(parts[:n]) for n in range(1, len(parts) + 1))
        if self.where and not any(Path(path).exists() for path in paths):
            raise EmsegError("it is not there any more", self.where, "put it back, or connect its disk")

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box and bring its axes into the order z, y, x."""
        z, y, x = (
            slice(a + o, b + o) for a, b, o in zip(region.start, region.stop, self._start, strict=True)
        )
        part: dict[str, Any] = {"z": z, "y": y, "x": x, "c": self._channel, _COLOUR: slice(None)}
        values = self.take(tuple(part.get(a, 0) for a in self._axes))
        if not values.any():
            self._check_there()
        left = [a for a in self._axes if a in f"zyx{_COLOUR}"]
        values = values.transpose([left.index(a) for a in f"zyx{_COLOUR}" if a in left])
        if _COLOUR in left:
            values = grey_of(values, self.where)
        return values.reshape(region.shape)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()
