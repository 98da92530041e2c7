"""A toy stack on which a small network learns in seconds.

Three sections of 64 x 64: bright cells of 14 pixels, parted by dark lines of 2 pixels, plus noise::

    |cell|cell|cell|cell|
    |----+----+----+----|
    |cell|cell|cell|cell|
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.learning import TrainingVolume
from napari_emseg.core.progress import Silent
from napari_emseg.nn.recipe import TrainRecipe
from napari_emseg.nn.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def lines(n_sections: int = 3, size: int = 64, seed: int = 0, contrast: float = 80.0) -> TrainingVolume:
    y, x = np.indices((size, size))
    membrane = ((y % 16) < 2) | ((x % 16) < 2)
    rng = np.random.default_rng(seed)
    image = 160 - contrast * membrane + rng.normal(0, 12, (n_sections, size, size))
    truth = np.repeat(membrane[None].astype(np.uint8), n_sections, 0)
    return TrainingVolume(
        "lines",
        np.clip(image, 0, 255).astype(np.uint8),
        4.6,
        {"membrane": truth},
        tuple(range(n_sections - 1)),
        (n_sections - 1,),
    )


@pytest.fixture(scope="session")
def make_lines() -> Callable[..., TrainingVolume]:
    return lines


@pytest.fixture
def volume() -> TrainingVolume:
    return lines()


@pytest.fixture
def recipe() -> TrainRecipe:
    return TrainRecipe(
        name="toy",
        arguments={"widths": [8, 16], "head": 4},
        steps=12,
        batch=2,
        size=32,
        warm_up=2,
        validate_every=6,
        save_every=3,
        learning_rate=5e-3,
        average=0.8,
    )


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that knows dark lines on bright ground."""
    folder = tmp_path_factory.mktemp("taught")
    settings = TrainRecipe(
        name="toy",
        arguments={"widths": [8, 16], "head": 4},
        steps=100,
        batch=2,
        size=32,
        average=0.8,
        learning_rate=5e-3,
    )
    train([lines()], settings, folder, Silent())
    return folder
