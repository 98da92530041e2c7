"""Align, then unalign: exactly what it was, for any table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_emseg.core.errors import EmsegError
from napari_emseg.preprocess.shift_table import (
    ShiftTable,
    align,
    align_points,
    read_shifts,
    shifts_as_text,
    unalign,
    unalign_points,
)

tables = st.lists(st.tuples(st.integers(-40, 40), st.integers(-40, 40)), min_size=1, max_size=6)


@given(rows=tables, height=st.integers(1, 9), width=st.integers(1, 9), margin=st.integers(0, 3))
def test_there_and_back_is_identity_on_labels(rows, height, width, margin):
    table = ShiftTable.of(rows, margin=margin)
    labels = np.random.default_rng(0).integers(0, 2**32, (len(rows), height, width), dtype=np.uint32)
    aligned = align(labels, table)
    assert np.array_equal(unalign(aligned, table), labels)
    # nothing is cut: every id of every section is there
    assert all(
        np.array_equal(np.sort(a[a > 0]), np.sort(b[b > 0])) for a, b in zip(aligned, labels, strict=True)
    )


@given(rows=tables, margin=st.integers(0, 250))
def test_the_margin_is_kept_on_every_side_in_every_section(rows, margin):
    full = np.ones((len(rows), 7, 5), np.uint8)
    aligned = align(full, ShiftTable.of(rows, margin=margin))
    least = []
    for section in aligned:
        y, x = np.nonzero(section)
        assert (y.max() - y.min() + 1, x.max() - x.min() + 1, len(y)) == (7, 5, 35)
        height, width = section.shape
        least.append((y.min(), x.min(), height - 1 - y.max(), width - 1 - x.max()))
    assert (np.min(least, axis=0) == margin).all()  # kept, and nowhere is more added than is needed


@given(rows=tables, seed=st.integers(0, 1000))
def test_points_come_back_to_a_millionth_and_none_is_lost(rows, seed):
    table = ShiftTable.of(rows)
    points = np.random.default_rng(seed).uniform(-50, 500, (200, 3))
    found = unalign_points(align_points(points, table), table)
    assert found.shape == points.shape
    assert np.abs(found - points).max() <= 1e-6


def test_content_moves_by_the_table_and_points_move_with_it():
    table = ShiftTable.of([(0, 0), (3, -2), (-1, 5)])
    labels = np.zeros((3, 10, 12), np.uint32)
    points = np.array([[0.5, 4, 4], [1.5, 9, 0], [2.5, 0, 11]])
    for n, (z, y, x) in enumerate(points.astype(int), start=1):
        labels[z, y, x] = n
    aligned = align(labels, table)
    assert aligned.shape == (3, 14, 19)
    for n, (z, y, x) in enumerate(align_points(points, table).astype(int), start=1):
        assert aligned[z, y, x] == n
    # shifts are relative to one canvas: section 1 lies 3 further down than section 0
    assert np.argwhere(aligned[0] == 1)[0].tolist() == [5, 6]


def test_increments_are_added_up_before_rounding():
    table = ShiftTable.of([(0.4, 1), (0.4, 1), (0.4, -1)], cumulative=True)
    assert table.shifts.tolist() == [[0, 1], [1, 2], [1, 1]]


def test_tables_are_read_as_people_write_them(tmp_path):
    file = tmp_path / "t.txt"
    file.write_text("dy dx\n# a comment\n1 2\n -3,4 # section 1\n\n0\t-7.4\n", "utf-8")
    table = read_shifts(file)
    assert table.shifts.tolist() == [[1, 2], [-3, 4], [0, -7]]
    file.write_text(shifts_as_text(table, comment="two\nlines"), "utf-8")
    assert read_shifts(file).shifts.tolist() == table.shifts.tolist()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the table is empty"), ("1 2\n3\n", "line 2"), ("1 2\nx y\n", "line 2"), ("1 nan\n", "row 1"),
        ("1 2 3\n", "line 1"), ("1 inf\n", "row 1"), ("9e12 0\n", "absurdly large"),
    ],
)  # fmt: skip
def test_wrong_tables_are_refused_with_the_place(tmp_path, text, says):
    file = tmp_path / "t.txt"
    file.write_text(text, "utf-8")
    with pytest.raises(EmsegError, match=says):
        read_shifts(file)


def test_another_stack_is_refused():
    table = ShiftTable.of([(0, 0), (20, 0)])
    with pytest.raises(EmsegError, match="2 rows and the stack 3 sections"):
        align(np.zeros((3, 4, 4), np.uint8), table)
    with pytest.raises(EmsegError, match="cannot have been aligned"):
        unalign(np.zeros((2, 20, 9), np.uint8), table)
