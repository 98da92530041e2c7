"""Noise of 96 x 96 pixels around a grey that changes slowly stands for an image, squares for objects."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.grey_values import grey_for_ids, grey_for_probability, ids_for_grey

Y, X = np.indices((96, 96))


def image(*, level: float = 140.0, spread: float = 20.0) -> np.ndarray:
    noise = np.random.default_rng(0).normal(level, spread, (96, 96))
    return np.clip(noise + 30 * np.sin(X / 9.0), 0, 255).astype(np.uint8)


def squares(size: int, n: int) -> np.ndarray:
    return 1 + (Y // size * (96 // size) + X // size) % n


def walls() -> np.ndarray:
    """Membranes 4 pixels wide, soft at their edges."""
    near = np.minimum(abs(Y % 24 - 12), abs(X % 24 - 12))
    return np.clip(1.6 - 0.4 * near, 0.0, 1.0)


@pytest.mark.parametrize(
    ("section", "is_grey"),
    [
        (image(), True),
        (image().astype(np.uint16) * 200, True),
        (image().astype(np.int32) - 100, True),
        (squares(12, 60).astype(np.uint8), False),
        (squares(3, 900), False),
        (squares(1, 9000), True),  # an id of its own for every pixel
        (np.where(image() > 150, 2, 1), False),  # classes that change from pixel to pixel
        (np.random.default_rng(0).integers(1, 20, (96, 96)), False),
        (np.where((Y % 4 == 0) & (X % 4 == 0), squares(4, 500), 0), None),  # seeds of one pixel
        (np.zeros((96, 96), np.uint32), None),
        (image()[:20, :20], None),
    ],
)
def test_of_ids_neighbouring_pixels_have_one_value(section: np.ndarray, is_grey: bool | None) -> None:
    assert grey_for_ids(section) is is_grey


@pytest.mark.parametrize(
    ("section", "is_grey"),
    [
        (image(), True),
        ((image() / 255).astype(np.float32), True),
        (image(level=122), True),
        (image(level=90), False),  # as dark as a map that is never sure
        ((255 * walls()).astype(np.uint8), False),
        (walls().astype(np.float32), False),
        (1 - walls(), False),  # of cells
        (0.05 + 0.7 * walls(), False),  # never sure
        (np.full((96, 96), 0.5), False),
        (np.full((96, 96), np.nan), False),
        (image().astype(np.float32), False),  # 0 to 255: refused for other reasons
        (squares(24, 4).astype(np.uint8), False),
        (image()[:20, :20], None),
    ],
)
def test_of_a_map_most_values_are_low_or_high(section: np.ndarray, is_grey: bool | None) -> None:
    assert grey_for_probability(section) is is_grey


@pytest.mark.parametrize(
    ("section", "is_ids"),
    [
        (squares(24, 16).astype(np.uint16) * 3, True),
        (np.where(squares(24, 16) % 5 == 0, 0, squares(24, 16)).astype(np.uint8), True),
        (squares(3, 900), False),  # too small to tell
        (image(), False),
        (image().astype(np.uint16) * 200, False),
        (np.kron(image()[:48, :48], np.ones((4, 4), np.uint8)), False),  # enlarged
        (np.where(X < 24, 128, image()), False),  # beside an edge of one grey
        ((255 * walls()).astype(np.uint8), False),
        ((walls() > 0.5).astype(np.uint8), None),  # a mask may be mixed: it becomes a share
        (np.zeros((96, 96), np.uint16), None),
    ],
)
def test_grey_values_are_hardly_ever_as_those_beside_them(section: np.ndarray, is_ids: bool | None) -> None:
    assert ids_for_grey(section) is is_ids
