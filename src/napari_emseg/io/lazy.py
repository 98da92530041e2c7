"""Stacks that are read only where they are looked at."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.indexing import box_key
from napari_emseg.io.memory import refuse_too_large

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import DTypeLike, NDArray

_CACHE_BYTES = 128 << 20  # a handful of 4096 x 4096 sections: paging back and forth decodes once


def voxel_type(dtype: DTypeLike) -> np.dtype[Any]:
    """The type in which values of a stored type are given out: machine byte order, truth values as uint8."""
    kind = np.dtype(dtype)
    return np.dtype(np.uint8) if kind.kind == "b" else kind.newbyteorder("=")


class LazyStack(ABC):
    """Base of the readers: a (z, y, x) array whose voxels are read when sliced.

    It takes the keys that numpy takes (integers, slices, index arrays, ellipsis), gives the same values
    as the whole array would, and can be sent to another process, which opens the file anew.

    Parameters
    ----------
    shape : tuple of int
        Extent (z, y, x) in voxels.
    dtype : numpy dtype
        Type of one voxel; given out in the machine's byte order.
    chunks : tuple of int, optional
        In which units (z, y, x) it is best read; whole sections where it is not said.
    where : str
        The file, for messages.
    """

    def __init__(
        self, shape: Sequence[int], dtype: DTypeLike, chunks: Sequence[int] | None = None, where: str = ""
    ) -> None:
        z, y, x = shape
        self.shape = (int(z), int(y), int(x))
        self.dtype = voxel_type(dtype)
        units = chunks or (1, y, x)
        self.chunks = (int(units[0]), int(units[1]), int(units[2]))
        self.where = where

    @abstractmethod
    def read(self, region: Region) -> NDArray[Any]:
        """Read one box; the answer has ``region.shape``."""

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return 3

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Size in bytes if it were all in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        box = box_key(key, self.shape)
        z, y, x = box.local
        contiguous = not isinstance(z, np.ndarray) and (not isinstance(z, slice) or z.step in (None, 1))
        if contiguous or isinstance(y, np.ndarray) or isinstance(x, np.ndarray):
            return self._box(box.region)[box.local]
        start, stop = box.region.start, box.region.stop
        wanted = np.arange(start[0], stop[0])[z]  # every fiftieth section must not read the 49 between
        sections = [
            self._box(Region((s, *start[1:]), (s + 1, *stop[1:])))[0, y, x] for s in wanted.ravel().tolist()
        ]
        if not sections:
            return self._box(Region((0, *start[1:]), (0, *stop[1:])))[:, y, x]
        return np.stack(sections).reshape(*wanted.shape, *sections[0].shape)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("a lazily read stack cannot be had without a copy")
        return np.asarray(self[:], dtype=dtype)

    def _box(self, region: Region) -> NDArray[Any]:
        if 0 in region.shape:
            return np.empty(region.shape, self.dtype)
        refuse_too_large(region.shape, self.dtype, self.where)
        try:
            return np.asarray(self.read(region), dtype=self.dtype)
        except EmsegError:
            raise
        except MemoryError as error:
            raise EmsegError(
                "there is not enough memory to read it", self.where, "close other programs"
            ) from error
        except Exception as error:  # a damaged file makes decoders raise anything at all
            raise EmsegError(
                f"a part of it cannot be read ({_reason(error)})", self.where, "copy or export it again"
            ) from error


def _reason(error: Exception) -> str:
    text = str(getattr(error, "strerror", None) or error).strip()
    return " ".join((text.splitlines() or [type(error).__name__])[0].split())[:200]


class LazyChannels:
    """Several stacks of one shape as a (c, z, y, x) array."""

    def __init__(self, channels: Sequence[LazyStack]) -> None:
        self.channels = tuple(channels)
        self.shape = (len(self.channels), *self.channels[0].shape)
        self.dtype = self.channels[0].dtype
        self.chunks = self.channels[0].chunks
        self.ndim = 4
        self.size = len(self.channels) * self.channels[0].size

    def __len__(self) -> int:
        return len(self.channels)

    def __getitem__(self, key: Any) -> Any:
        first, rest = _split(key)
        if isinstance(first, slice):
            chosen = self.channels[first]
            return (
                np.stack([c[rest] for c in chosen])
                if chosen
                else np.asarray(self.channels[0][rest])[None][:0]
            )
        return self.channels[int(first)][rest]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("a lazily read stack cannot be had without a copy")
        return np.asarray(self[:], dtype=dtype)


LazyArray = LazyStack | LazyChannels


def _split(key: Any) -> tuple[Any, tuple[Any, ...]]:
    """The channel part of a key and the rest, which keeps an ellipsis."""
    parts = key if isinstance(key, tuple) else (key,)
    if not parts:
        return slice(None), (...,)
    if parts[0] is Ellipsis:
        return (parts[1], parts[2:]) if len(parts) == 5 else (slice(None), parts)
    return parts[0], (parts[1:] or (...,))


class SectionStack(LazyStack):
    """A stack that can only be decoded by whole sections; the last few are kept.

    Parameters
    ----------
    load : callable
        ``load(z)`` gives one section (y, x), or (y, x, samples) for colour.
    where : str
        The file or folder, for messages.
    """

    def __init__(
        self, shape: Sequence[int], dtype: DTypeLike, load: Callable[[int], NDArray[Any]], where: str
    ) -> None:
        super().__init__(shape, dtype, where=where)
        self.missing: tuple[int, ...] = ()  # sections that are black because there is nothing to load
        self._load = load
        self._kept: OrderedDict[int, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box, decoding each section that it touches at most once."""
        _, ys, xs = region.slices
        return np.stack([self._section(z)[ys, xs] for z in range(region.start[0], region.stop[0])])

    def _section(self, z: int) -> NDArray[Any]:
        with self._lock:
            if z in self._kept:
                self._kept.move_to_end(z)
                return self._kept[z]
        section = grey_of(self._load(z), f"{self.where}, section {z}")
        if section.shape != self.shape[1:]:
            raise EmsegError(
                f"section {z} measures {section.shape} and not {self.shape[1:]}",
                self.where,
                "make all sections the same size (y, x)",
            )
        with self._lock:
            self._kept[z] = section
            while len(self._kept) > 1 and sum(s.nbytes for s in self._kept.values()) > _CACHE_BYTES:
                self._kept.popitem(last=False)
        return section

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept": OrderedDict(), "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()


def grey_of(
    samples: NDArray[Any], where: str, remedy: str = "convert it to grey values first"
) -> NDArray[Any]:
    """Grey values of an image that may carry colour samples on its last axis.

    Parameters
    ----------
    samples : ndarray (..., y, x) or (..., y, x, 3 or 4)
        A fourth sample is opacity and is left out.
    where, remedy : str
        For the message.

    Raises
    ------
    EmsegError
        If red, green and blue differ: which grey is meant is for the person to say.
    """
    if samples.ndim == 2 or samples.shape[-1] not in (3, 4):
        return samples
    grey = samples[..., 0]
    if not (np.array_equal(grey, samples[..., 1]) and np.array_equal(grey, samples[..., 2])):
        raise EmsegError("this is a colour image", where, remedy)
    return grey
