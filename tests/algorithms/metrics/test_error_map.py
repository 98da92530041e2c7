"""The error map, drawn::

    truth               prediction           errors
    1 1 1 1 | 2 2 2 2   7 7 8 8 | 9 9 9 9    . S S . | . . . .
    3 3 3 3 | 4 4 4 4   9 9 9 9 | 0 0 0 0    M M M M | o o o o

Cells of 20 x 20 pixels; between them lines of two pixels without any id.
"""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.metrics.closing import close_gaps
from napari_emseg.algorithms.metrics.error_map import EXTRA, MERGE, MISSED, SPLIT, ErrorMapper, error_book
from napari_emseg.algorithms.metrics.object_errors import errors_of_table
from napari_emseg.algorithms.metrics.places import Places
from napari_emseg.algorithms.metrics.tally import Tally

A, B = slice(0, 20), slice(22, 42)


@pytest.fixture
def truth() -> np.ndarray:
    section = np.zeros((42, 42), np.uint32)
    section[A, A], section[A, B], section[B, A], section[B, B] = 1, 2, 3, 4
    return section


@pytest.fixture
def prediction() -> np.ndarray:
    section = np.zeros((42, 42), np.uint64)
    section[A, :10], section[A, 10:20], section[A, B] = 7, 8, 9
    section[B, A] = 9
    section[A, 24:] = 9
    return section


def drawn(truth: np.ndarray, prediction: np.ndarray, gap: int = 2) -> tuple[list[np.ndarray], Places, list]:
    """The map of a stack, and the rows with their places."""
    table = contingency(truth, prediction)
    book, places = error_book(table), Places()
    mapper, maps = ErrorMapper(book, gap), []
    for z, (a, b) in enumerate(zip(truth, prediction, strict=True)):
        errors, whose = mapper.section(a, b)
        places.look(z, errors, whose, b)
        maps.append(errors)
    return maps, places, places.complete(errors_of_table(table.where(table.a != 0)), book)


def test_each_kind_of_error_is_where_it_is(truth: np.ndarray, prediction: np.ndarray) -> None:
    (errors,), _, rows = drawn(truth[None], prediction[None])
    cells = errors.copy()
    cells[20:22] = cells[:, 20:22] = 0  # the lines between cells belong to one side or the other
    expected = np.zeros((42, 42), np.uint8)
    expected[A, 9:11] = SPLIT
    expected[B, A] = MERGE  # segment 9 has as much of 2, but 2 comes first
    expected[B, B] = MISSED
    np.testing.assert_array_equal(cells, expected)
    by_id = {row.object_id: row for row in rows}
    assert by_id[1].error == "split"
    assert by_id[1].place in {(0, y, x) for y in (9, 10, 11) for x in (9, 10)}
    assert (by_id[3].error, by_id[3].merged_with) == ("merged", (2,))
    assert by_id[2].place == by_id[3].place  # the object that is right leads to the one that is not
    _, y, x = by_id[3].place
    assert truth[y, x] == 3
    assert by_id[4].error == "missed"
    assert truth[by_id[4].place[1:]] == 4


def test_the_truth_itself_has_no_errors(truth: np.ndarray) -> None:
    maps, _, rows = drawn(np.stack([truth, truth]), np.stack([truth, truth]) * 5)
    assert not np.any(maps)
    assert {row.error for row in rows} == {"right"}
    assert {row.place for row in rows} == {None}


def test_an_id_that_changes_between_sections_is_a_split_there(truth: np.ndarray) -> None:
    stack = np.stack([truth] * 4)
    other = stack.copy()
    other[2:][other[2:] == 1] = 50
    maps, _, rows = drawn(stack, other)
    assert [int((m[A, A] == SPLIT).sum()) for m in maps] == [0, 0, 400, 0]
    assert not any((m[B] != 0).any() for m in maps)
    row = next(r for r in rows if r.object_id == 1)
    assert (row.error, row.pieces, row.place[0]) == ("split", 2, 2)


def test_a_shifted_border_is_no_error(truth: np.ndarray) -> None:
    stack = np.stack([np.kron(truth, np.ones((8, 8), truth.dtype))] * 2)
    other = close_gaps(stack[0], 20)[None].repeat(2, 0)
    other[:, :160, 159] = 2  # a column of cell 1: less than a hundredth of it
    maps, _, rows = drawn(stack, other, gap=8)
    assert not np.any(maps)
    assert all(row.error == "right" for row in rows)


def test_segments_of_nothing_are_listed_but_not_scored(truth: np.ndarray) -> None:
    truth[B, B] = 0
    other = truth.copy()
    other[26:40, 26:40] = 77
    (errors,), _, rows = drawn(truth[None], other[None])
    assert (errors == EXTRA).sum() == (errors != 0).sum() == 14 * 14
    extra = rows[-1]
    assert (extra.object_id, extra.main_segment, extra.voxels, extra.error) == (
        0,
        77,
        196,
        "not in the truth",
    )
    assert other[extra.place[1:]] == 77
    assert sum(row.voi_split + row.voi_merge for row in rows) == 0


def test_many_ids_take_the_sparse_way(truth: np.ndarray, prediction: np.ndarray, monkeypatch) -> None:
    from napari_emseg.algorithms.metrics import error_map

    (dense,), _, _ = drawn(truth[None], prediction[None])
    monkeypatch.setattr(error_map, "_DENSE_CELLS", 0)
    (sparse,), _, _ = drawn(truth[None], prediction[None])
    np.testing.assert_array_equal(dense, sparse)


def test_gaps_are_closed_from_both_sides() -> None:
    line = np.array([[5, 0, 0, 0, 0, 9, 0, 0, 0, 0]])
    assert close_gaps(line, 2).tolist() == [[5, 5, 5, 9, 9, 9, 9, 9, 0, 0]]
    areas = np.array([[1, 1, 1, 1, 1, 2, 2, 3, 3, 3]])
    assert close_gaps(line, 2, areas).tolist() == [[5, 5, 5, 0, 0, 9, 9, 0, 0, 0]]
    assert close_gaps(line, 0).tolist() == line.tolist()
    assert close_gaps(line * 0, 3).tolist() == (line * 0).tolist()
    assert line[0, 1] == 0


@pytest.mark.parametrize("waiting", [1, 1 << 18])
def test_a_table_added_up_is_the_table_of_all(waiting: int, monkeypatch) -> None:
    from napari_emseg.algorithms.metrics import tally

    monkeypatch.setattr(tally, "_WAITING", waiting)
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 9, (5, 6, 7)), rng.integers(0, 2**60, 8)[rng.integers(0, 8, (5, 6, 7))]
    counts = Tally()
    for one, two in zip(a, b, strict=True):
        counts.add(one, two)
    whole, found = contingency(a, b), counts.table()
    for name in ("a", "b", "count"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    assert len(Tally().table()) == 0
