"""What the bundled model says depends on tiles as little as is promised; mending sees all of a section at once."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.core.model_card import find_model
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs.predict import prepare, run
from napari_emseg.phantom import make_phantom
from napari_emseg.settings import PredictSettings

SHAPE = (3, 96, 448)
SPACING = (50.0, 4.6, 4.6)


class Unheard:
    """Progress that nobody listens to."""

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Say nothing."""

    def partial(self, value: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def stack() -> ImageStack:
    made = make_phantom((3, 128, 448), SPACING, seed=1)
    return ImageStack(made.image[:, : SHAPE[1]], SPACING, "file", "phantom", "")


def mended(stack: ImageStack, tile: int, halo: int) -> np.ndarray:
    settings = PredictSettings(tile=tile, halo=halo, device="cpu")
    region = Region((1, 0, 0), (2, *SHAPE[1:]))
    return run(prepare(stack, region, find_model("membrane"), settings), Unheard()).probability[0, 0]


def test_with_a_margin_as_wide_as_the_network_looks_tiles_change_nothing(stack: ImageStack) -> None:
    np.testing.assert_allclose(mended(stack, 64, 128), mended(stack, 512, 128), atol=1e-5)


def test_with_the_usual_margin_tiles_change_little(stack: ImageStack) -> None:
    """The outermost of what the network sees weighs little; a wall in doubt may tip over for it."""
    apart = np.abs(mended(stack, 64, 64) - mended(stack, 512, 64))
    assert (apart > 0.01).mean() < 0.01
    assert apart.max() > 0
