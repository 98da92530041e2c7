"""How far the labels on disk have come, noted beside them: so a journal that is older than they are is noticed.

Nothing is on disk that is not in the journal, so the mark is never ahead of it, unless somebody has put an older journal back,
or the write-ahead log is lost. A new edit must then not get the number of a lost one: pages say by these numbers what they have.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from napari_emseg.core.atomic import patiently, write_atomic

if TYPE_CHECKING:
    from pathlib import Path

_NAME = ".written"

Mark = tuple[int, int]
"""Place in the log, and number of the newest edit that changed ids everywhere."""


def read_mark(store: Path) -> Mark:
    """The mark of a label store; (0, 0) where there is none, or it cannot be read."""
    try:
        position, generation = json.loads(patiently((store / _NAME).read_text, "ascii"))
        return int(position), int(generation)
    except (OSError, ValueError, TypeError):
        return 0, 0


def write_mark(store: Path, mark: Mark) -> None:
    """Note durably how far pages that are written next have come.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    write_atomic(store / _NAME, json.dumps(mark).encode("ascii"))
