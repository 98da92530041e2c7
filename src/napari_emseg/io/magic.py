"""By which marks files and folders are recognised; cheap to import, so that every opening may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

PROPERTIES = "datasource-properties.json"
"""Description of a WEBKNOSSOS dataset."""
INFO = "info"
"""Description of a Neuroglancer precomputed volume."""
ATTRIBUTES = "attributes.json"
"""Description of an N5 container, group or array."""

MRC_HEADER_BYTES = 1024
MRC_MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_MAP_AT = 208
_MRC_SUFFIXES = (".mrc", ".rec", ".map", ".st", ".ali", ".preali", ".mrcs")


def looks_like_mrc(path: Path, head: bytes) -> bool:
    """Whether a file begins like an MRC volume: its mark, or in old files a plausible header and a suffix."""
    if len(head) < MRC_HEADER_BYTES:
        return False
    if head[_MAP_AT : _MAP_AT + 4] in (b"MAP ", b"MAP\0"):
        return True
    if path.suffix.lower() not in _MRC_SUFFIXES:
        return False
    return any(
        min(words[:3]) > 0 and max(words[:3]) < 1 << 24 and int(words[3]) in MRC_MODES
        for words in (np.frombuffer(head[:16], f"{order}i4") for order in "<>")
    )


def looks_like_bdv(head: bytes) -> bool:
    """Whether a file begins like the XML of a BigDataViewer data set."""
    return b"<SpimData" in head and head.lstrip().startswith(b"<")
