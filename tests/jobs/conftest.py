"""A stack of 4 sections, 96 x 160 px at 4.6 nm, of bright cells parted by dark lines.

::

    |cell|cell|cell|cell|cell| ...   the same in every section; section 2 is a little darker
    |----+----+----+----+----|
"""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.stack import ImageStack
from napari_emseg.session import Session

SPACING = (50.0, 4.6, 4.6)


@pytest.fixture
def cells() -> np.ndarray:
    """Object ids of one section; 0 on the lines."""
    y, x = np.indices((96, 160))
    ids = 1 + (y // 16) * 10 + x // 16
    return np.where((y % 16 < 2) | (x % 16 < 2), 0, ids).astype(np.uint32)


@pytest.fixture
def image(cells) -> ImageStack:
    rng = np.random.default_rng(0)
    section = np.where(cells == 0, 80, 160) + rng.normal(0, 8, (4, *cells.shape))
    section[2] -= 20
    return ImageStack(np.clip(section, 1, 255).astype(np.uint8), SPACING, "file", "cells", "")


@pytest.fixture
def session(tmp_path, image):
    session = Session.create(tmp_path / "cells.emseg", image)
    yield session
    session.close()
