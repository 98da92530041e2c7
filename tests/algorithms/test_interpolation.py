"""Discs between discs."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.interpolation import between, fill_in, signed_distance


def disc(y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:80, :120]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


def radius_of(mask: np.ndarray) -> float:
    return float(np.sqrt(mask.sum() / np.pi))


def test_the_middle_disc_has_the_mean_radius() -> None:
    middle = between(disc(40, 50, 10), disc(40, 50, 24), 0.5)
    assert radius_of(middle) == pytest.approx(17, abs=1)


def test_a_disc_that_runs_away_keeps_its_thickness() -> None:
    middle = between(disc(20, 20, 9), disc(60, 100, 9), 0.25)
    assert radius_of(middle) == pytest.approx(9, abs=0.5)
    assert np.argwhere(middle).mean(0) == pytest.approx([30, 40], abs=0.6)


def test_the_ends_are_the_drawn_shapes() -> None:
    one, two = disc(30, 30, 9), disc(40, 60, 14)
    np.testing.assert_array_equal(between(one, two, 0), one)
    np.testing.assert_array_equal(between(one, two, 1), two)


def test_signed_distance_of_a_half_plane() -> None:
    mask = np.zeros((4, 6), bool)
    mask[:, 3:] = True
    np.testing.assert_allclose(signed_distance(mask)[1], [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])


def test_every_gap_is_filled_and_nothing_else() -> None:
    drawn = {
        2: disc(40, 40, 8),
        5: disc(40, 46, 8),
        6: disc(40, 46, 8),
        8: disc(40, 46, 12),
        9: disc(0, 0, -1),
    }
    filled = dict(fill_in(drawn))
    assert sorted(filled) == [3, 4, 7]
    assert radius_of(filled[7]) == pytest.approx(10, abs=1)
    np.testing.assert_allclose(np.argwhere(filled[3]).mean(0), [40, 42], atol=0.6)


def test_nothing_from_nothing() -> None:
    assert not between(np.zeros((80, 120), bool), disc(40, 40, 9), 0.5).any()
