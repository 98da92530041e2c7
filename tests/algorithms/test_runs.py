"""Runs give what counting every pixel gives."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_emseg.algorithms import runs
from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.runs import Runs, areas_and_centres, overlaps, run_starts


def drawn(seed: int, n: int) -> np.ndarray:
    """Blocks of 1 to n, and 0, that do not begin where rows do."""
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.integers(0, n + 1, (6, 9)), np.ones((3, 4), int))
    return np.roll(labels, tuple(rng.integers(0, 4, 2)), (0, 1)).astype(np.uint32)[: rng.integers(1, 19)]


def test_a_run_ends_with_its_row() -> None:
    starts = run_starts(np.array([[1, 1, 2], [2, 2, 2]]))
    found = Runs.at(starts)
    assert found.start.tolist() == [0, 2, 3]
    assert found.length.tolist() == [2, 1, 3]
    assert found.highest(np.array([[3, 9, 1], [0, 4, 2]])).tolist() == [9, 1, 4]


def test_area_and_centre_of_a_section() -> None:
    labels = np.array([[1, 1, 0, 2], [1, 0, 0, 2]], np.uint32)
    area, centre = areas_and_centres(labels, Runs.at(run_starts(labels)), 2)
    assert area.tolist() == [3, 2]
    np.testing.assert_array_equal(centre, [[1 / 3, 1 / 3], [0.5, 3]])


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_overlaps_are_those_of_single_pixels(seed: int, n: int) -> None:
    one = drawn(seed, n)
    two = np.resize(drawn(seed + 1, n), one.shape)
    values = np.random.default_rng(seed).random(one.shape, np.float32)
    found = overlaps(one, two, run_starts(one), run_starts(two))

    table = contingency(one, two)
    table = table.where((table.a > 0) & (table.b > 0))
    np.testing.assert_array_equal(found.a + 1, table.a)
    np.testing.assert_array_equal(found.b + 1, table.b)
    np.testing.assert_array_equal(found.count, table.count)
    pairs = zip(table.a, table.b, strict=True)
    assert found.highest(values).tolist() == [values[(one == a) & (two == b)].max() for a, b in pairs]


def test_many_labels_need_no_table_of_all_pairs(monkeypatch) -> None:
    one, two = drawn(3, 40), np.resize(drawn(4, 40), drawn(3, 40).shape)
    starts = run_starts(one), run_starts(two)
    by_table = overlaps(one, two, *starts)
    monkeypatch.setattr(runs, "_LEAST_CELLS", 0)
    monkeypatch.setattr(runs, "_SPARSE", 0)
    by_sorting = overlaps(one, two, *starts)
    for name in ("a", "b", "count", "pair"):
        np.testing.assert_array_equal(getattr(by_table, name), getattr(by_sorting, name))


def test_sections_without_objects() -> None:
    for labels in (np.zeros((4, 5), np.uint32), np.zeros((0, 5), np.uint32), np.zeros((4, 0), np.uint32)):
        starts = run_starts(labels)
        assert overlaps(labels, labels, starts, starts).a.size == 0
        assert areas_and_centres(labels, Runs.at(starts), 0)[0].size == 0
