"""Regions of interest: the table of the first data set, with its typing error; windows, moving boxes, margins."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.io.roi_table import (
    RoiRow,
    RoiTable,
    check_roi_table,
    mended,
    mip_of,
    read_roi_table,
    roi_text,
)
from napari_emseg.io.views import Margins, MovingBox, Window, centred, put_back

KNOWN = """\
sections: x, y (mask1, mip 0)
0-80: 10809-20685, 5448-11102
81-144: 9200-19076, 4649-10303
145-182: 8193-18069, 4104-9758
183-219: 7337-17213, 3792-9446
220-265: 6496-16372, 3584-9238
266-292: 55509-15385, 3241-8895
293-300: 4590-14466, 2914-8568
"""
STACK = np.random.default_rng(0).integers(0, 255, (6, 9, 11), np.uint8)


@pytest.fixture
def known(tmp_path: Path) -> RoiTable:
    (tmp_path / "roi.txt").write_text(KNOWN)
    return read_roi_table(tmp_path / "roi.txt")


def test_the_known_typing_error_is_found_and_mended(known: RoiTable) -> None:
    (problem,) = check_roi_table(known, n_sections=301)
    assert (problem.row, problem.column, problem.proposal) == (5, "x0", 5509)
    assert (
        str(problem) == "row 6: its box is -40124 and not 9876 pixels wide like the others; x0 should be 5509"
    )
    right = mended(known, [problem])
    assert check_roi_table(right, n_sections=301) == ()
    assert {r.size for r in right.rows} == {(5654, 9876)}


@pytest.mark.parametrize("column", ["x0", "x1", "y0", "y1"])
@pytest.mark.parametrize("row", range(7))
def test_any_one_wrong_number_is_mended(known: RoiTable, row: int, column: str) -> None:
    right = mended(known, check_roi_table(known))
    true = getattr(right.rows[row], column)
    for wrong in (true * 10, true + 20_000):
        rows = list(right.rows)
        rows[row] = RoiRow(**{f: getattr(rows[row], f) for f in RoiRow.__slots__} | {column: wrong})
        problems = check_roi_table(RoiTable(tuple(rows)), n_sections=301)
        assert [(p.row, p.column, p.proposal) for p in problems] == [(row, column, true)]


def test_an_error_that_either_end_explains_is_only_reported(known: RoiTable) -> None:
    rows = list(mended(known, check_roi_table(known)).rows)
    rows[6] = RoiRow(293, 300, 4590, 14466, 2914, 8658)
    (problem,) = check_roi_table(RoiTable(tuple(rows)))
    assert str(problem) == "row 7: its box is 5744 and not 5654 pixels high like the others"


def test_sections_left_out_or_named_twice(known: RoiTable) -> None:
    rows = mended(known, check_roi_table(known)).rows
    gap = check_roi_table(RoiTable(rows[:2] + rows[3:]))
    assert [str(p) for p in gap] == ["row 3: sections 145 to 182 are in no row; first should be 145"]
    twice = check_roi_table(RoiTable((rows[0], RoiRow(70, *list_of(rows[1])[1:]))))
    assert "sections 70 to 80 are in two rows; first should be 81" in str(twice[0])
    (short,) = check_roi_table(RoiTable(rows), n_sections=350)
    assert str(short).endswith("ends with section 300 and the data set with 349; last should be 349")
    (late,) = check_roi_table(RoiTable(rows[1:]), n_sections=301)
    assert str(late) == "row 1: sections 0 to 80 are in no row; first should be 0"


def list_of(row: RoiRow) -> list[int]:
    return [getattr(row, f) for f in RoiRow.__slots__]


def test_without_a_majority_nothing_is_proposed() -> None:
    table = RoiTable((RoiRow(0, 1, 0, 10, 0, 10), RoiRow(2, 3, 0, 12, 0, 10)))
    (problem,) = check_roi_table(table)
    assert problem.proposal is None
    assert check_roi_table(table, equal=False) == ()


def test_the_mip_level_follows_from_the_size_of_the_export(known: RoiTable) -> None:
    assert mip_of(known, (1413, 2469)) == 2
    assert mip_of(known, (706, 1234)) == 3
    assert mip_of(known, (700, 1234)) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 300), st.integers(0, 5653), st.integers(0, 9875), st.integers(0, 4))
def test_global_to_local_and_back(z: int, y: int, x: int, mip: int) -> None:
    rows = [RoiRow(0, 80, 10809, 20685, 5448, 11102), RoiRow(81, 300, 9200, 19076, 4649, 10303)]
    table = RoiTable(tuple(rows))
    row = table.row_of(z)
    point = [z, row.y0 + y, row.x0 + x]
    local = table.to_local([point], mip)
    np.testing.assert_allclose(local[0], [z, (y + 0.5) / 2**mip - 0.5, (x + 0.5) / 2**mip - 0.5])
    np.testing.assert_allclose(table.to_global(local, mip), [point])


def test_a_table_that_begins_in_the_middle_of_the_data_set(known: RoiTable) -> None:
    table = RoiTable(known.rows[1:3])
    assert table.to_local([[81, 4650, 9203], [145, 4104, 8193]]).tolist() == [[0, 1, 3], [64, 0, 0]]
    assert table.to_global([[0, 1, 3], [64, 0, 0]]).tolist() == [[81, 4650, 9203], [145, 4104, 8193]]


def test_points_outside_the_sections(known: RoiTable) -> None:
    assert [known.rows.index(known.row_of(z)) for z in (0, 80, 81, 144, 300)] == [0, 0, 1, 1, 6]
    with pytest.raises(EmsegError, match="holds section 301"):
        known.to_local([[301, 0, 0]])


def test_tables_are_written_and_read(tmp_path: Path, known: RoiTable) -> None:
    (tmp_path / "t.csv").write_text(roi_text(known))
    assert read_roi_table(tmp_path / "t.csv") == known


@pytest.mark.parametrize(
    "text",
    ["", "only words\n", "0-80: 1-2\n", "0-80: 1-2, 3-4, 5\n", "0-80: -12-200, 3-4\n", "0,80,-12,200,3,4\n"],
)
def test_bad_tables(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(EmsegError):
        read_roi_table(tmp_path / "t.csv")


def test_a_window_is_a_view_of_the_data() -> None:
    window = Window(STACK, Region((1, 2, 3), (5, 9, 8)))
    np.testing.assert_array_equal(window[:], STACK[1:5, 2:9, 3:8])
    np.testing.assert_array_equal(window[2, :, 1], STACK[3, 2:9, 4])
    with pytest.raises(EmsegError, match="not in the stack"):
        Window(STACK, Region((0, 0, 0), (6, 10, 11)))


def test_the_middle_part() -> None:
    assert centred((6, 9, 11), (6, 4, 3)) == (slice(0, 6), slice(2, 6), slice(4, 7))
    with pytest.raises(EmsegError, match="does not fit"):
        centred((3,), (4,))


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.integers(0, 25)] * 3), st.tuples(*[st.integers(0, 25)] * 3))
def test_margins_are_numpys_and_come_off_again(
    before: tuple[int, int, int], after: tuple[int, int, int]
) -> None:
    padded = Margins(STACK, before, after)
    expected = np.pad(STACK, tuple(zip(before, after, strict=True)), mode="reflect")
    np.testing.assert_array_equal(padded[:], expected)
    stop = tuple(b + n for b, n in zip(before, STACK.shape, strict=True))
    np.testing.assert_array_equal(Window(padded, Region(before, stop))[:], STACK)


def test_boxes_that_move_from_section_to_section() -> None:
    boxes = [(0, (0, 4, 1, 6)), (1, (5, 9, 6, 11)), (5, (2, 6, 3, 8))]
    cut = MovingBox(STACK, boxes)
    for z, (section, (y0, y1, x0, x1)) in enumerate(boxes):
        np.testing.assert_array_equal(cut[z], STACK[section, y0:y1, x0:x1])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(cut))[1, 1:3, 2:], STACK[1, 6:8, 8:11])
    with pytest.raises(EmsegError, match="box x 6-12, y 5-9 of section 1 is not in the stack"):
        MovingBox(STACK, [(1, (5, 9, 6, 12))])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 11)), min_size=1, max_size=4))
def test_boxes_of_different_size_are_mirrored_up_and_cropped_back(sizes: list[tuple[int, int]]) -> None:
    boxes = [(z, (0, h, 0, w)) for z, (h, w) in enumerate(sizes)]
    cut = MovingBox(STACK, boxes)
    assert cut.shape[1:] == tuple(np.max(sizes, axis=0))
    back = put_back(cut[:], [b for _, b in boxes], cut.common)
    for z, (h, w) in enumerate(sizes):
        np.testing.assert_array_equal(back[z], STACK[z, :h, :w])
        if min(h, w) > 1:  # numpy cannot mirror what is one pixel wide
            gap = [c - s for c, s in zip(cut.common, (h, w), strict=True)]
            around = [(g // 2, g - g // 2) for g in gap]
            np.testing.assert_array_equal(cut[z], np.pad(STACK[z, :h, :w], around, mode="reflect"))
