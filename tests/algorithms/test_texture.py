"""Greys of squares that are drawn here."""

from __future__ import annotations

import numpy as np

from napari_emseg.algorithms.texture import textures


def squares(greys: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Squares of 10 x 10 pixels in a row, and a picture in which each has its grey, with a fixed grain."""
    dense = np.kron(np.arange(1, len(greys) + 1), np.ones((10, 10), int)).astype(np.uint32)
    grain = np.tile(np.linspace(-2, 2, 10), (10, len(greys)))
    return dense, np.kron(np.array(greys), np.ones((10, 10))) + grain


def test_order_of_greys_and_no_flicker() -> None:
    dense, image = squares([100, 110, 120, 130, 140, 150, 160])
    told = textures(dense, image)
    assert (np.diff(told[:, 0]) > 0).all()
    assert abs(told[3, 0]) < 0.1  # the middle one is the usual one
    brighter = textures(dense, 1.7 * image + 40)
    np.testing.assert_allclose(told, brighter, atol=0.1)


def test_rough_objects_differ_from_even_ones() -> None:
    dense, image = squares([100.0, 101, 102, 103, 104, 105])
    image[:, 20:30] += np.where(np.indices((10, 10)).sum(0) % 2, 30, -30)
    told = textures(dense, image)
    assert told[2, 1] > 3
    assert np.abs(np.delete(told[:, 1], 2)).max() < 2


def test_a_mitochondrion_does_not_make_an_axon_dark() -> None:
    dense, image = squares([100.0, 110, 120, 130, 140, 150])
    before = textures(dense, image)[3, 0]
    image[:4, 30:40] = 0
    assert abs(textures(dense, image)[3, 0] - before) < 1


def test_too_few_objects_tell_nothing() -> None:
    dense, image = squares([100.0, 110, 120])
    assert np.isnan(textures(dense, image)).all()
    assert textures(np.zeros((5, 5), np.uint32), np.zeros((5, 5))).shape == (0, 2)
    assert np.isfinite(textures(*squares([7.0] * 8))).all()  # a section of one grey
