"""Reading labels beside the window."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_emseg.core.beside import pieces, read_beside
from napari_emseg.core.edit import Region
from napari_emseg.core.volume import LabelVolume


def test_a_box_across_pages_is_read_as_it_is(tmp_path: Path) -> None:
    """Three by two pages and a half, of which some are blank."""
    volume = LabelVolume.create(tmp_path / "labels.zarr", (3, 1200, 1300), None)
    volume[1, 500:530, 500:530] = 7
    volume[2, 1190:, 1290:] = 9
    box = Region((1, 490, 3), (3, 1200, 1300))
    np.testing.assert_array_equal(read_beside(volume, box), volume.read(box))
    assert [(part.start, ids.shape) for part, ids in pieces(volume, Region((2, 0, 0), (3, 1200, 1300)))] == [
        ((2, 1024, 1024), (176, 276))
    ]
    volume.close()
