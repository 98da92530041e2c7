"""Ids of any size as 32-bit numbers: the same objects, nothing more and nothing less; segments around what is painted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_emseg.algorithms.relabel import around_painted, in_32_bits

HUGE = st.sampled_from([0, 1, 2, 2**31, 2**32 - 2, 2**32 - 1, 2**32, 2**32 + 1, 2**63, 2**64 - 1])


@given(ids=arrays(np.uint64, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=HUGE))
def test_the_same_objects_are_told_apart(ids: np.ndarray[Any, Any]) -> None:
    found = in_32_bits(ids)
    assert (found.dtype, found.shape) == (np.uint32, ids.shape)
    np.testing.assert_array_equal(found == 0, ids == 0)
    one, other = ids.ravel(), found.ravel()
    np.testing.assert_array_equal(one[:, None] == one[None], other[:, None] == other[None])
    assert found.max() < 2**32 - 1


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.uint64])
def test_small_ids_stay(dtype: type) -> None:
    ids = np.array([[0, 1], [1, 0]], dtype)
    np.testing.assert_array_equal(in_32_bits(ids), ids)
    assert in_32_bits(np.zeros((0, 3), dtype)).shape == (0, 3)


def test_segments_lie_around_what_is_painted() -> None:
    """A segment takes the id of one stroke in it, that of most pixels; another stroke, and one beyond it, stay apart."""
    segments = np.array([[1, 1, 1, 1, 0, 2, 2, 2], [1, 1, 1, 1, 0, 2, 2, 2], [0, 0, 0, 0, 0, 2, 2, 2]])
    painted = np.array(
        [[0, 0, 9, 9, 9, 0, 0, 0], [7, 0, 9, 0, 0, 0, 0, 0], [5, 5, 0, 0, 0, 0, 0, 0]], np.uint32
    )
    found = around_painted(segments, painted, 20)
    assert found.dtype == np.int64
    assert found.tolist() == [
        [9, 9, 9, 9, 9, 22, 22, 22],
        [7, 9, 9, 9, 0, 22, 22, 22],
        [5, 5, 0, 0, 0, 22, 22, 22],
    ]
    nothing = np.zeros_like(painted)
    assert np.unique(around_painted(segments, nothing, 20)).tolist() == [0, 21, 22]
