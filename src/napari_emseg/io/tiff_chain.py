"""The chain of pages of a TIFF file: a damaged one may lead back to itself, and a reader would follow it for ever."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

_BIG = 43  # version of BigTIFF; that of TIFF is 42


def has_loop(path: Path) -> bool:
    """Whether a page is its own successor, directly or through others; chains that just end early have none.

    Only the lengths of the pages are read.
    """
    with path.open("rb") as file:
        try:
            return _has_loop(file)
        except (struct.error, OverflowError, OSError, ValueError):
            return False  # cut short: the reader says so


def _has_loop(file: BinaryIO) -> bool:
    order = ">" if file.read(2) == b"MM" else "<"
    (version,) = struct.unpack(f"{order}H", file.read(2))
    count_as, offset_as, tag_bytes = (
        (f"{order}Q", f"{order}Q", 20) if version == _BIG else (f"{order}H", f"{order}I", 12)
    )
    file.seek(8 if version == _BIG else 4)
    seen: set[int] = set()
    (offset,) = struct.unpack(offset_as, file.read(struct.calcsize(offset_as)))
    while offset:
        if offset in seen:
            return True
        seen.add(offset)
        file.seek(offset)
        (n_tags,) = struct.unpack(count_as, file.read(struct.calcsize(count_as)))
        file.seek(n_tags * tag_bytes, 1)
        (offset,) = struct.unpack(offset_as, file.read(struct.calcsize(offset_as)))
    return False
