"""What a writer is given: an array to be read part by part, and how it lies in space."""

from __future__ import annotations

import errno
import math
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.core.progress import Silent
from napari_emseg.io.boxes import chunks_of
from napari_emseg.io.lazy import voxel_type

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.io.opened import Offset

_MARGIN = 16 << 20  # what the libraries may still hold back when they are asked to close


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What else can be said about an output.

    Parameters
    ----------
    levels : int or None
        How many resolutions a multiscale format gets; None: until a section is as small as a screen.
    ome_version : {"0.5", "0.4"}
        Version of OME-Zarr.
    """

    levels: int | None = None
    ome_version: Literal["0.5", "0.4"] = "0.5"


class Source:
    """An array on its way into a file.

    It counts what has been read, for the progress, and refuses to be read on when the disk is nearly
    full: the HDF5 library crashes the process when a write fails, so it must not come to that.

    Parameters
    ----------
    array : array-like (z, y, x) or (c, z, y, x)
        Numpy, or anything lazy; its ``chunks`` say in which parts it is best read.
    folder : Path
        Where the output is written.
    offset_nm : tuple of float or None
        Where the first voxel lies (z, y, x).
    is_labels : bool
        Whether the values are object ids: coarser levels take the commonest and not the mean.
    name : str
        What the output is called, for formats that keep a name.
    inner : str
        Path inside the output file; empty where none was given.
    """

    def __init__(
        self,
        array: Any,
        folder: Path,
        *,
        offset_nm: Offset | None = None,
        is_labels: bool = False,
        name: str = "",
        inner: str = "",
        options: WriteOptions | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.shape = tuple(int(n) for n in array.shape)
        self.ndim = len(self.shape)
        self.dtype = voxel_type(array.dtype)
        self.chunks = chunks_of(array)
        self.offset_nm, self.is_labels, self.inner = offset_nm, is_labels, inner
        self.name = name or folder.name
        self.options = options or WriteOptions()
        self.progress: Progress = progress or Silent()
        self._array, self._folder = array, folder
        self._read, self._all = 0, max(1, math.prod(self.shape))

    @property
    def original(self) -> Any:
        """The array itself, for writers that know more about some kinds of it."""
        return self._array

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        values = np.asarray(self._array[key])
        self.require_space(values.nbytes)
        self._read += values.size
        self.progress.report(min(1.0, self._read / self._all), "writing")
        return values

    def require_space(self, n_bytes: int = 0) -> None:
        """Raise `OSError` when so much, and a margin, does not fit on the disk any more."""
        if shutil.disk_usage(self._folder).free < n_bytes + _MARGIN:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def channels(self) -> tuple[Any, ...]:
        """The (z, y, x) stacks of which it consists: itself, or one for each channel."""
        return (self,) if self.ndim == 3 else tuple(_Channel(self, c) for c in range(self.shape[0]))


class _Channel:
    """One channel of a source."""

    def __init__(self, source: Source, channel: int) -> None:
        self.shape, self.dtype, self.chunks = source.shape[1:], source.dtype, source.chunks
        self._source, self._channel = source, channel

    def __getitem__(self, key: Any) -> NDArray[Any]:
        return self._source[(self._channel, *(key if isinstance(key, tuple) else (key,)))]
