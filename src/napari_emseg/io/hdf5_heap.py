"""A check of the part of an HDF5 file that holds texts: a damaged one makes the HDF5 library run for ever.

Source: HDF5 file format specification, section III.E, global heap.
"""

from __future__ import annotations

import mmap
import struct
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from pathlib import Path

_SIGNATURE = b"GCOL"
_HEADER, _OBJECT = 16, 16  # bytes before the first object, and before the contents of each
_MOST_BYTES = 256 << 20  # searching larger files would take longer than reading what is wanted of them


def refuse_broken_heap(path: Path) -> None:
    """Refuse a file whose texts cannot be walked through to their end.

    Files of more than 256 MB are not looked at.

    Raises
    ------
    EmsegError
        If an object of the heap has no length, so that the library would stay at it.
    """
    size = path.stat().st_size
    if not _HEADER <= size <= _MOST_BYTES:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = content.find(_SIGNATURE)
        while start >= 0:
            if not _walks_to_its_end(content, start):
                raise EmsegError(
                    "the file is damaged: its texts are broken", str(path), "copy or export it again"
                )
            start = content.find(_SIGNATURE, start + 1)


def _walks_to_its_end(content: mmap.mmap, start: int) -> bool:
    if start + _HEADER > len(content):
        return True  # cut short, or image data that happen to look like it: the library says so
    (extent,) = struct.unpack_from("<Q", content, start + 8)
    end = min(start + extent, len(content))
    at = start + _HEADER
    while at + _OBJECT <= end:
        index, _, _, size = struct.unpack_from("<HHIQ", content, at)
        step = size if index == 0 else _OBJECT + (size + 7) // 8 * 8
        if step == 0:
            return False
        at += step
    return True
