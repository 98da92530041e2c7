"""A stack of 4 sections, 96 x 160 px at 4.6 nm, of bright cells parted by dark lines, and an untrained model.

::

    |cell|cell|cell|cell|cell| ...   the same in every section; section 2 is a little darker
    |----+----+----+----+----|
"""

from __future__ import annotations

from pathlib import Path

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


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A small network with random weights that sees one section on each side."""
    import torch

    from napari_emseg.core.model_card import ModelCard
    from napari_emseg.nn.checkpoint import build, save_model

    card = ModelCard(
        name="toy",
        architecture="space_unet",
        arguments={"widths": [8, 16], "head": 4, "sections": 3, "targets": 2},
        targets=("membrane", "mitochondria"),
        pixel_size_nm=4.6,
        pixel_size_range_nm=(3.2, 6.5),
        context_sections=1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build(card)
    folder = tmp_path_factory.mktemp("models") / "toy"
    save_model(folder, network.state_dict(), card)
    return folder
