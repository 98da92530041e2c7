"""Boxes clamp, padding is centred, and everything comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.preprocess.boxes import Frame, bounding_box, mask_of_outline


def test_a_box_clamps_and_an_empty_section_has_none():
    labels = np.zeros((5, 40, 40), np.uint32)
    assert bounding_box(labels) is None
    labels[2, 3:6, 30:38] = 4
    assert bounding_box(labels) == Region((2, 3, 30), (3, 6, 38))
    assert bounding_box(labels, margin=10) == Region((2, 0, 20), (3, 16, 40))
    assert bounding_box(labels[2], margin=1) == Region((0, 2, 29), (1, 7, 39))


@given(
    shape=st.tuples(*[st.integers(1, 6)] * 3),
    start=st.tuples(*[st.integers(-9, 5)] * 3),
    size=st.tuples(*[st.integers(1, 14)] * 3),
    fill=st.sampled_from(["reflect", "zero", "edge"]),
)
def test_any_box_can_be_undone(shape, start, size, fill):
    array = np.arange(1, 1 + np.prod(shape)).reshape(shape)
    frame = Frame(shape, start, tuple(a + n for a, n in zip(start, size, strict=True)))
    cut = frame.apply(array, fill=fill)
    assert cut.shape == size
    assert np.array_equal(frame.undo(cut, array), array)


def test_odd_padding_keeps_the_smaller_half_first():
    frame = Frame.centred((1, 3, 4), (1, 8, 4))
    assert frame.start == (0, -2, 0)
    column = np.arange(3).reshape(1, 3, 1).repeat(4, 2)
    assert frame.apply(column)[0, :, 0].tolist() == [2, 1, 0, 1, 2, 1, 0, 1]  # further than the array is long
    assert np.array_equal(frame.undo(frame.apply(column)), column)
    assert Frame.centred((1, 8, 4), (1, 3, 4)).apply(np.arange(8).reshape(1, 8, 1).repeat(4, 2))[
        0, :, 0
    ].tolist() == [2, 3, 4]


def test_the_padding_of_the_cremi_evaluation():
    volume = np.random.default_rng(0).integers(0, 9, (125, 6, 5), dtype=np.uint8)
    frame = Frame.padded(volume.shape, ((14, 14), (20, 20), (20, 20)))
    padded = frame.apply(volume)
    assert padded.shape == (153, 46, 45)
    assert np.array_equal(padded[14:139, 20:26, 20:25], volume)
    assert np.array_equal(padded[13], padded[15])
    assert np.array_equal(frame.undo(padded), volume)
    assert frame.move_points(np.zeros((1, 3))).tolist() == [[14, 20, 20]]
    assert frame.move_points(frame.move_points(np.ones((1, 3))), back=True).tolist() == [[1, 1, 1]]


def test_wrong_shapes_are_refused():
    with pytest.raises(EmsegError, match="empty"):
        Frame((2, 2, 2), (0, 0, 1), (2, 2, 1))
    with pytest.raises(EmsegError, match="does not fit"):
        Frame.crop((2, 2, 2), Region((0, 0, 0), (1, 1, 1))).apply(np.zeros((3, 2, 2)))


def test_an_outline_becomes_its_inside():
    mask = mask_of_outline(np.array([[1, 1], [1, 6], [5, 6], [5, 1]]), (8, 9))
    assert mask[3, 3]
    assert not mask[0].any()
    assert mask.sum() == pytest.approx(4 * 5, abs=10)
    with pytest.raises(EmsegError, match="three corners"):
        mask_of_outline(np.array([[1, 1], [2, 2]]), (8, 9))
