"""Descriptors of texture."""

from __future__ import annotations

import numpy as np

from napari_emseg.algorithms.appearance import appearance


def stripes(period: int, shape: tuple[int, int] = (96, 64)) -> np.ndarray:
    return np.sqrt(2) * np.sin(2 * np.pi * np.arange(shape[1]) / period) * np.ones(shape)


def test_a_piece_of_any_shape_gives_33_finite_numbers() -> None:
    rng = np.random.default_rng(0)
    for piece in (rng.normal(size=(64, 40)), np.zeros((32, 32)), np.full((16, 48), 9.0)):
        found = appearance(piece)
        assert found.shape == (33,)
        assert np.isfinite(found).all()


def test_grey_levels_are_shares_of_the_area() -> None:
    found = appearance(np.where(np.arange(64)[:, None] < 16, -2.4, 0.1) * np.ones((64, 64)))
    assert found[0] == 0.25  # the darkest of the 11 levels
    assert found[:11].sum() == 1


def test_finer_stripes_move_the_power_to_higher_bands() -> None:
    coarse, fine = (int(np.argmax(appearance(stripes(period))[-10:])) for period in (32, 4))
    assert fine > coarse


def test_where_the_texture_lies_does_not_matter_much() -> None:
    moved = np.roll(stripes(8), 3, axis=1)
    assert np.abs(appearance(moved) - appearance(stripes(8)))[:23].max() < 0.05
    assert np.abs(appearance(stripes(16)) - appearance(stripes(8)))[-10:].max() > 1
