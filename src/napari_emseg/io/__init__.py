"""Reading and writing stacks: one format per file, found through two tables.

Axes are (z, y, x), with a leading channel axis where there is one. Voxel sizes are nanometres (z, y, x),
read from the file where the format carries them and otherwise unknown, never guessed.
"""

from __future__ import annotations

from napari_emseg.io.check import check_image
from napari_emseg.io.opening import READERS, open_array, open_image, open_volume
from napari_emseg.io.paths import DataPath, parse_path
from napari_emseg.io.writing import WRITERS, write_array

__all__ = [
    "READERS",
    "WRITERS",
    "DataPath",
    "check_image",
    "open_array",
    "open_image",
    "open_volume",
    "parse_path",
    "write_array",
]
