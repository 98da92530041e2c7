"""One rule for object ids: whole numbers from 0 up, in any type that tells them apart."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.object_ids import checked_ids, need_id_type


@pytest.mark.parametrize(
    "values",
    [
        np.array([0, 3, 2**63 - 1]),
        np.array([0, 2**64 - 1], np.uint64),
        np.array([True, False]),
        np.zeros((0, 4), np.int16),
        np.zeros((0, 4), np.float32),
    ],
)
def test_ids_stay_what_they_are(values: np.ndarray) -> None:
    found = checked_ids(values, "a.h5")
    np.testing.assert_array_equal(found, values)
    assert found.dtype == (np.int64 if values.dtype.kind == "f" else values.dtype)


def test_whole_floats_are_ids() -> None:
    found = checked_ids(np.array([0, 7, 2.0**24], np.float32), "a.h5")
    assert found.dtype == np.int64
    assert found.tolist() == [0, 7, 2**24]
    assert checked_ids(np.array([-3.0, 4.0]), "a.h5", ignore=-3).tolist() == [-3, 4]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.array([0.5]), "these are no object ids but fractions, a.h5, section 2, segment it first"),
        (np.array([np.nan]), "no object ids but fractions"),
        (np.array([np.inf], np.float32), "object ids are above 16777216, and float32 cannot tell them apart"),
        (np.array([-np.inf]), "object ids are negative"),
        (np.array([-1.0]), "object ids are negative"),
        (
            np.array([3, -1], np.int8),
            "object ids are negative, a.h5, section 2, store ids from 0 up, 0 is none",
        ),
        (np.array([2.0**24 + 2], np.float32), "cannot tell them apart"),
    ],
)
def test_everything_else_is_refused_in_one_sentence(values: np.ndarray, said: str) -> None:
    with pytest.raises(EmsegError) as caught:
        checked_ids(values, "a.h5, section 2")
    assert said in str(caught.value)


def test_a_type_that_holds_fractions_is_refused() -> None:
    need_id_type(np.dtype(np.uint64), "a.h5")
    with pytest.raises(EmsegError, match=r"labels are whole numbers, not float32, a\.h5, segment it first"):
        need_id_type(np.dtype(np.float32), "a.h5")
