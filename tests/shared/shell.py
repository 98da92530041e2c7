"""The command line as a shell sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_emseg.cli import main
from napari_emseg.io import write_array

SPACING = (50.0, 4.6, 4.6)


def run(capsys: Any, *words: object) -> tuple[int, str, str]:
    """Exit status, what went to standard output and what to standard error."""
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


def noise(folder: Path) -> Path:
    """Three sections of 96 x 128 px of noise, as a file."""
    path = folder / "in.tif"
    values = np.random.default_rng(0).integers(1, 255, (3, 96, 128), dtype=np.uint8)
    write_array(path, values, spacing_nm=SPACING)
    return path
