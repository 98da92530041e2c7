"""What is drawn over a section, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.caption import bar_nm, captioned, length_words
from napari_emseg.algorithms.overlay import fill, middles, outlines
from napari_emseg.core.colours import colours_of

GREY = np.full((2, 3), 100, np.uint8)
IDS = np.array([[0, 1, 1], [300, 300, 0]])


def test_the_image_shows_where_nothing_is() -> None:
    assert (fill(GREY, IDS, 1.0)[IDS == 0] == 100).all()
    assert (fill(GREY, IDS, 0.4)[IDS == 0] == 100).all()


@pytest.mark.parametrize("opacity", [0.0, 0.25, 0.4, 1.0])
def test_colours_are_mixed_by_their_opacity(opacity: float) -> None:
    wanted = 100 * (1 - opacity) + colours_of(IDS).astype(float) * opacity
    found = fill(GREY, IDS, opacity)
    np.testing.assert_allclose(found[IDS != 0], wanted[IDS != 0], atol=1.0)


def test_white_stays_white() -> None:
    white = np.full((1, 1), 255, np.uint8)
    assert (fill(white, np.array([[5]]), 0.0) == 255).all()


def test_touching_objects_have_a_line_each() -> None:
    ids = np.array([[1, 1, 1, 2, 2, 2, 0, 3]])
    np.testing.assert_array_equal(outlines(ids), [[False, False, True, True, False, True, False, True]])
    np.testing.assert_array_equal(outlines(ids, 2), [[False, True, True, True, True, True, False, True]])


def test_an_object_that_fills_the_section_has_no_border() -> None:
    assert not outlines(np.ones((4, 4), int)).any()


def test_the_middle_of_a_crescent_lies_in_it() -> None:
    ids = np.zeros((5, 5), int)
    ids[0], ids[:, 0], ids[4] = 9, 9, 9
    ids[2, 2:4] = 4
    found, places = middles(ids)
    assert found.tolist() == [4, 9]
    assert ids[tuple(places.T)].tolist() == [4, 9]
    assert places[1].tolist() == [2, 0]


def test_no_objects_no_middles() -> None:
    found, places = middles(np.zeros((3, 3), np.uint32))
    assert (found.shape, places.shape) == ((0,), (0, 2))


@pytest.mark.parametrize(
    ("width_nm", "bar"),
    [(400, 100), (799, 100), (800, 200), (2000, 500), (4000, 1000), (2.4, 0.5), (41000, 10000)],
)
def test_a_scale_bar_is_a_round_length_of_at_most_a_quarter(width_nm: float, bar: float) -> None:
    assert bar_nm(width_nm) == pytest.approx(bar)


def test_lengths_are_in_nm() -> None:
    assert [length_words(nm) for nm in (0.5, 500.0, 1e6)] == ["0.5 nm", "500 nm", "1000000 nm"]


def test_the_bar_is_as_long_as_it_says() -> None:
    frame = np.full((300, 400, 3), 90, np.uint8)
    drawn = captioned(frame, "section 7", 5.0)  # 2000 nm wide: a bar of 500 nm is 100 pixels
    white = (drawn == 255).all(axis=2)
    assert white[200:].sum(axis=1).max() == 100
    assert white[:40, :200].any()
    assert (frame == 90).all()


def test_without_a_voxel_size_there_is_no_bar() -> None:
    frame = np.full((300, 400, 3), 90, np.uint8)
    assert (captioned(frame, "section 7", None)[60:] == 90).all()


def test_what_does_not_fit_is_left_out() -> None:
    frame = np.full((9, 20, 3), 90, np.uint8)
    assert (captioned(frame, "section 1234", 5.0) == 90).all()
