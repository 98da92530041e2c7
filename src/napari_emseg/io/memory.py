"""How much may be read at once: a file can declare any size, whatever it really holds."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import DTypeLike

_FALLBACK = 8 << 30
MOST_OF_ONE_PIECE = 2 << 30
"""Bytes of one chunk, tile or strip. HDF5's own limit is 4 GB; nobody writes larger ones on purpose."""


@cache
def most_at_once() -> int:
    """Bytes that one reading may fill: half of the machine's memory."""
    import psutil

    try:
        return int(psutil.virtual_memory().total) // 2
    except (OSError, RuntimeError):
        return _FALLBACK


def refuse_too_large(shape: Sequence[int], dtype: DTypeLike, where: str) -> None:
    """Refuse a part that would not fit into memory, before anything is allocated.

    Raises
    ------
    EmsegError
        If it is more than half of the machine's memory.
    """
    needed = math.prod(int(n) for n in shape) * np.dtype(dtype).itemsize
    if needed > most_at_once():
        extent = " x ".join(str(n) for n in shape)
        raise EmsegError(
            f"{extent} voxels need {needed / 1e9:,.0f} GB of memory at once", where, "read a smaller part"
        )


def refuse_large_pieces(chunks: Sequence[int], dtype: Any, where: str) -> None:
    """Refuse a file whose chunks, tiles or strips are too large to decode one.

    Raises
    ------
    EmsegError
        If one is larger than 2 GB, or has no voxels.
    """
    if any(int(n) < 1 for n in chunks):
        raise EmsegError(f"its chunks {tuple(chunks)} hold no voxels", where, "copy or export it again")
    if math.prod(int(n) for n in chunks) * np.dtype(dtype).itemsize > MOST_OF_ONE_PIECE:
        raise EmsegError(
            f"its chunks {tuple(int(n) for n in chunks)} are too large to be read", where,
            "export it again with chunks of a few megabytes",
        )  # fmt: skip
