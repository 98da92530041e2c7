"""Leaks and tears on a drawing of three cells.

..........|..........|..........     9 rows high, 32 columns wide
  cell 1  10  cell 2 21  cell 3
"""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.leaks import leaks_and_tears


@pytest.fixture
def cells() -> np.ndarray:
    """Truth: two membranes, one pixel wide."""
    truth = np.zeros((9, 32), bool)
    truth[:, [10, 21]] = True
    return truth


def everywhere(truth: np.ndarray) -> np.ndarray:
    return np.ones_like(truth)


def test_a_perfect_map_has_neither(cells: np.ndarray) -> None:
    leaks, tears = leaks_and_tears(cells.astype(float), cells, everywhere(cells))
    assert not leaks.any()
    assert not tears.any()


def test_the_gap_of_an_open_membrane_is_a_leak(cells: np.ndarray) -> None:
    found = cells.astype(float)
    found[3:5, 10] = 0.4
    leaks, tears = leaks_and_tears(found, cells, everywhere(cells))
    assert np.argwhere(leaks).tolist() == [[3, 10], [4, 10]]
    assert not tears.any()


def test_a_line_through_an_object_tears_it(cells: np.ndarray) -> None:
    found = cells.astype(float)
    found[:, 15] = 0.9
    leaks, tears = leaks_and_tears(found, cells, everywhere(cells))
    assert not leaks.any()
    assert np.unique(np.nonzero(tears)[1]).tolist() == [15]
    assert tears.sum() == 9


def test_a_line_that_ends_inside_an_object_does_no_harm(cells: np.ndarray) -> None:
    found = cells.astype(float)
    found[:6, 15] = 0.9
    leaks, tears = leaks_and_tears(found, cells, everywhere(cells))
    assert not leaks.any()
    assert not tears.any()


def test_unknown_pixels_separate_and_are_never_named(cells: np.ndarray) -> None:
    found = np.zeros(cells.shape)
    known = everywhere(cells)
    known[:, 10] = False
    leaks, tears = leaks_and_tears(found, cells, known)
    assert np.unique(np.nonzero(leaks)[1]).tolist() == [21]
    assert not tears.any()


def test_pieces_too_small_to_be_an_edit_do_not_count(cells: np.ndarray) -> None:
    found = cells.astype(float)
    found[:3, 13] = found[3, 11:14] = 0.9  # a corner of 3 x 2 pixels is cut off
    assert not leaks_and_tears(found, cells, everywhere(cells))[1].any()


@pytest.mark.parametrize("value", [0, 1])
def test_one_colour_gives_nothing(value: int) -> None:
    truth = np.full((4, 4), value)
    leaks, tears = leaks_and_tears(np.full((4, 4), 0.5), truth, np.ones((4, 4), bool))
    assert not leaks.any()
    assert not tears.any()
