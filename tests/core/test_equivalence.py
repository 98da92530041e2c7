"""The table in one step is its lines one after the other, wherever a page begins."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_emseg.core.equivalence import Equivalence

IDS = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 2**31, 2**32 - 1])
LINES = st.lists(st.dictionaries(IDS, st.one_of(st.just(0), IDS), max_size=7), max_size=6)
BLOCKS = arrays(np.uint32, (3, 7), elements=st.one_of(st.just(0), IDS))


def through(block: np.ndarray, lines: list[dict[int, int]]) -> np.ndarray:
    for line in lines:
        block = np.vectorize(lambda i, line=line: line.get(int(i), int(i)), otypes=[np.uint32])(block)
    return block


def table_of(lines: list[dict[int, int]]) -> Equivalence:
    table = Equivalence()
    for number, line in enumerate(lines, 1):
        table.push(3 * number, line.items())  # numbers of edits have gaps
    return table


@given(lines=LINES, block=BLOCKS, begin=st.integers(0, 6), gone=st.integers(0, 3), retired=st.integers(0, 3))
def test_all_that_a_page_lacks_at_once(
    lines: list[dict[int, int]], block: np.ndarray, begin: int, gone: int, retired: int
) -> None:
    table = table_of(lines)
    for _ in range(min(gone, len(lines))):
        table.pop(table.top)
    left = lines[: len(lines) - min(gone, len(lines))]
    begin = min(begin, len(left))
    table.retire(3 * min(retired, begin))  # only what the page has gone through may be forgotten
    before = block.copy()
    found = table.since(3 * begin).changed(block)
    expected = through(block, left[begin:])
    np.testing.assert_array_equal(block if found is None else found, expected)
    np.testing.assert_array_equal(block, before)
    assert found is None or found.dtype == np.uint32


@given(lines=LINES, wanted=st.sets(IDS, max_size=3))
def test_sources_are_all_that_can_be_stored_of_an_object(
    lines: list[dict[int, int]], wanted: set[int]
) -> None:
    every = np.array([1, 2, 3, 4, 5, 6, 7, 2**31, 2**32 - 1], np.uint32)
    sources = table_of(lines).sources(wanted)
    for begin in range(len(lines) + 1):  # a page may have gone through any number of lines
        became = through(every, lines[begin:])
        assert {int(i) for i, to in zip(every, became, strict=True) if int(to) in wanted} <= sources
