"""A colour belongs to an id: the same in every section, whatever else is there, and never black."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.colours import colours_of, label_colours


def test_the_first_254_ids_have_the_colours_of_the_window() -> None:
    np.testing.assert_array_equal(colours_of(np.arange(1, 255)), np.round(label_colours() * 255))


def test_a_thousand_ids_differ_and_none_is_black() -> None:
    colours = colours_of(np.arange(1, 1001))
    assert len(np.unique(colours, axis=0)) == 1000
    assert colours.max(axis=1).min() > 40


def test_sixteen_thousand_ids_differ() -> None:
    assert len(np.unique(colours_of(np.arange(1, 16257)), axis=0)) == 16256


def test_gaps_and_company_change_nothing() -> None:
    alone = colours_of(np.array([7]))
    np.testing.assert_array_equal(colours_of(np.array([[0, 3], [1000, 7]]))[1, 1], alone[0])
    np.testing.assert_array_equal(
        colours_of(np.array([1000, 5_000_000]))[0], colours_of(np.array([[0, 3], [1000, 7]]))[1, 0]
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint64, np.int64])
def test_the_type_of_the_ids_means_nothing(dtype: type) -> None:
    ids = np.array([0, 1, 2, 127])
    np.testing.assert_array_equal(colours_of(ids.astype(dtype)), colours_of(ids))


def test_the_largest_id_has_a_colour() -> None:
    ids = np.array([2**64 - 1, 2**63, 0], np.uint64)
    expected = [colours_of(np.array([int(i) % 16256]))[0] for i in ids[:2]]
    np.testing.assert_array_equal(colours_of(ids), [*expected, [0, 0, 0]])


def test_a_mask_is_object_one() -> None:
    np.testing.assert_array_equal(colours_of(np.array([True, False])), colours_of(np.array([1, 0])))
