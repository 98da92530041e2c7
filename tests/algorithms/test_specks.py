"""Specks are filled, cells are not."""

from __future__ import annotations

import numpy as np
from skimage.morphology import area_closing

from napari_emseg.algorithms.specks import LEVELS, fill_specks


def test_a_speck_is_raised_and_a_cell_stays():
    boundary = np.full((20, 30), 0.9, np.float32)
    boundary[2:4, 2:4] = 0.1  # 4 pixels
    boundary[10:16, 10:16] = 0.1  # 36 pixels
    before = boundary.copy()
    filled = fill_specks(boundary, 30)
    assert (filled[2:4, 2:4] >= 0.9).all()
    np.testing.assert_array_equal(filled[10:16, 10:16], before[10:16, 10:16])
    np.testing.assert_array_equal(boundary, before)


def test_corners_do_not_connect():
    boundary = np.ones((8, 8), np.float32)
    boundary[2:4, 2:4] = boundary[4:6, 4:6] = 0.0
    assert fill_specks(boundary, 5).min() > 0.9
    assert fill_specks(boundary, 4).min() == 0


def test_at_every_level_the_cells_are_those_of_an_area_closing():
    rng = np.random.default_rng(0)
    steps = rng.integers(0, 21, (64, 64))  # multiples of 0.05, so that levels lose nothing
    filled = fill_specks((steps / 20).astype(np.float32), 6)
    exact = area_closing(steps.astype(np.uint8), 6, connectivity=1)
    for n, level in enumerate(LEVELS, 1):
        np.testing.assert_array_equal(filled < level - 1e-4, exact < n)


def test_nothing_to_fill_returns_the_same():
    boundary = np.zeros((4, 4), np.float32)
    np.testing.assert_array_equal(fill_specks(boundary, 16), boundary)
