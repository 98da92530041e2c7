"""Ids of any size as 32-bit numbers: the same objects, nothing more and nothing less."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_emseg.algorithms.relabel import in_32_bits

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
