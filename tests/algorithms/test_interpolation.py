"""Discs between discs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_emseg.algorithms.interpolation import _pieces, between, fill_in, signed_distance


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
        8: disc(40, 46, 12),  # in the order in which somebody drew them
        5: disc(40, 46, 8),
        2: disc(40, 40, 8),
        6: disc(40, 46, 8),
        9: disc(0, 0, -1),
    }
    filled = dict(fill_in(drawn))
    assert sorted(filled) == [3, 4, 7]
    assert radius_of(filled[7]) == pytest.approx(10, abs=1)
    np.testing.assert_allclose(np.argwhere(filled[3]).mean(0), [40, 42], atol=0.6)


def test_nothing_from_nothing() -> None:
    assert not between(np.zeros((80, 120), bool), disc(40, 40, 9), 0.5).any()


def counts(one: np.ndarray, two: np.ndarray) -> list[int]:
    """Pieces of the five sections between."""
    return [int(ndi.label(shape)[1]) for _, shape in fill_in({0: one, 6: two})]


def test_a_branch_in_between_leaves_no_gap() -> None:
    """The mean of signed distances over both branches at once is nowhere positive half-way."""
    stem, branches = disc(40, 60, 10), disc(40, 30, 10) | disc(40, 90, 10)
    assert counts(stem, branches) == [1, 1, 2, 2, 2]
    assert counts(branches, stem) == [2, 2, 2, 1, 1]
    middle = between(stem, branches, 0.5)
    np.testing.assert_array_equal(middle, disc(40, 45, 10) | disc(40, 75, 10))


def test_a_piece_that_ends_tapers_off_and_the_others_stay() -> None:
    one, two = disc(40, 20, 9) | disc(40, 100, 9), disc(40, 20, 9)
    for _, shape in fill_in({0: one, 6: two}):
        np.testing.assert_array_equal(shape[:, :60], two[:, :60])
    ending = [int(shape[:, 60:].sum()) for _, shape in fill_in({0: one, 6: two})]
    assert ending[0] > ending[1] > 0 == ending[2] == ending[4]
    np.testing.assert_array_equal(between(one, two, 0), one)
    np.testing.assert_array_equal(between(one, two, 1), two)
    np.testing.assert_array_equal(between(two, one, 1), one)


def test_pieces_move_each_on_its_way() -> None:
    one, two = disc(20, 20, 6) | disc(60, 90, 6), disc(20, 50, 6) | disc(60, 70, 6)
    np.testing.assert_array_equal(between(one, two, 0.5), disc(20, 35, 6) | disc(60, 80, 6))


def test_a_single_pixel_goes_all_the_way() -> None:
    assert all(
        shape.sum() == 1 and abs(int(shape[3].argmax()) - (3 + 1.5 * z)) <= 0.5
        for z, shape in fill_in({0: disc(3, 3, 0), 6: disc(3, 12, 0)})
    )


def test_bars_that_cross_are_no_gap() -> None:
    along, across = np.zeros((80, 120), bool), np.zeros((80, 120), bool)
    along[40, 20:100] = across[5:75, 60] = True
    assert all(shape.any() for _, shape in fill_in({0: along, 5: across}))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 5))
def test_no_section_stays_empty_where_one_piece_goes_on(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    one, two = (
        np.any([disc(*rng.integers(5, (75, 115)), int(rng.integers(0, 9))) for _ in range(k)], axis=0)
        for k in (n, m)
    )
    filled = dict(fill_in({0: one, 4: two}))
    assert sorted(filled) == [1, 2, 3]
    assert all(shape.any() for shape in filled.values())
    hull = [slice(int(k.min()), int(k.max()) + 1) for k in np.nonzero(one | two)]
    for shape in filled.values():
        outside = shape.copy()
        # Lopsided pieces are moved by their centres: a corner may stand out of the hull, up to its margin of two.
        outside[tuple(slice(max(k.start - 2, 0), k.stop + 2) for k in hull)] = False
        assert not outside.any()


def test_pieces_that_touch_at_corners_are_one() -> None:
    rng = np.random.default_rng(1)
    for _ in range(60):
        mask = rng.random((24, 17)) < 0.25
        whole, n = ndi.label(mask, np.ones((3, 3)))
        found = _pieces(mask)
        assert int(found.max()) == n == len(np.unique(found[mask] * np.uint32(1000) + whole[mask]))
