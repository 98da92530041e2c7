"""What the network is told to learn, on strips small enough to draw."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_emseg.algorithms.boundaries import membrane_target


@pytest.mark.parametrize(
    ("width", "expected", "known"),
    [
        (1, "000001 100000", "111111 111111"),
        (2, "000001 100000", "111101 101111"),
        (3, "000001 100000", "111001 100111"),
        (4, "000011 110000", "110011 110011"),
        (6, "000111 111000", "110111 111011"),
        (6, "000000000111 111000000000", "111111000111 111000111111"),
    ],
)
def test_touching_ids_get_a_membrane_of_the_width_asked_for_with_open_flanks(
    width: float, expected: str, known: str
) -> None:
    half = expected.index(" ")
    labels = np.repeat([[1] * half + [2] * half], 3, axis=0)
    target, weight = membrane_target(labels, width)
    assert target.dtype == np.uint8
    assert target.tolist() == [[int(c) for c in expected if c != " "]] * 3
    assert weight.dtype == np.float32
    assert weight.tolist() == [[float(c) for c in known if c != " "]] * 3


def test_a_border_that_is_drawn_keeps_its_width() -> None:
    labels = np.repeat([[7, 7, 7, 0, 0, 9, 9, 9]], 3, axis=0)
    assert membrane_target(labels, 6)[0].tolist() == [[0, 0, 0, 1, 1, 0, 0, 0]] * 3


def test_a_mask_of_cells_is_cells_and_border() -> None:
    mask = np.array([[1, 1, 0, 1], [1, 1, 0, 1], [0, 0, 0, 0], [1, 1, 0, 1]], bool)
    target, weight = membrane_target(mask, 2)
    np.testing.assert_array_equal(target, ~mask)
    assert weight.min() == 1


def test_what_is_thinner_than_a_membrane_keeps_its_middle() -> None:
    """A tube of seven pixels and a sheet of four, between large cells; the line that is drawn has nine."""
    labels = np.ones((60, 60), int)
    labels[:, 28:32] = 2
    y, x = np.ogrid[:60, :60]
    labels[(y - 14) ** 2 + (x - 14) ** 2 <= 3.5**2] = 3
    target, weight = membrane_target(labels, 9)
    inside = (target == 0) & (weight > 0)
    assert inside[14, 14]
    assert inside[:, 29:31].all()
    assert target[:, [28, 31]].all()
    assert target[14, 11]
    assert ndi.label(inside & (labels == 2))[1] == 1
    assert not inside[:, 24:28].any(), "large cells have the flanks that they had"


def test_far_outside_nothing_is_known() -> None:
    labels = np.zeros((1, 20), np.uint32)
    labels[0, 0] = 5
    target, weight = membrane_target(labels, 2)
    assert weight.tolist() == [[1.0] * 5 + [0.0] * 15]
    assert target[0, 1:5].min() == 1
    assert membrane_target(labels, 10)[1].tolist() == [[1.0] * 9 + [0.0] * 11]  # 0.8 membrane widths


def test_ignored_pixels_weigh_nothing_and_draw_nothing() -> None:
    labels = np.repeat([[1, 1, 1, 3, 3, 3]], 3, axis=0)
    target, weight = membrane_target(labels, 2, ignore_id=3)
    assert target.max() == 0
    assert weight.tolist() == [[1, 1, 1, 0, 0, 0]] * 3


def test_an_empty_section_teaches_nothing() -> None:
    target, weight = membrane_target(np.zeros((4, 4), int), 2)
    assert target.max() == 0
    assert weight.max() == 0


def test_all_ignored_teaches_nothing() -> None:
    assert membrane_target(np.full((4, 4), 9), 2, ignore_id=9)[1].max() == 0
