"""Strands of hand-made objects."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.likelihood import network
from napari_emseg.algorithms.propagation import collect
from napari_emseg.algorithms.strands import Meetings, join, meetings, merge, start
from napari_emseg.settings import PropagateSettings

SETTINGS = PropagateSettings()
SPACING = (50.0, 4.0, 4.0)


def two_columns(n: int = 6) -> np.ndarray:
    """Two cells side by side that cross all sections; ids are scrambled."""
    stack = np.zeros((n, 60, 80), np.uint32)
    for z, section in enumerate(stack):
        section[5:55, 5:38] = 1 + z % 2
        section[5:55, 42:75] = 2 - z % 2
    return stack


def test_columns_are_two_strands() -> None:
    pieces = collect(two_columns(), SETTINGS, SPACING).pieces()
    assert join(pieces).tolist() == [0, 1] * 6  # objects are counted from the upper left


def test_numbers_of_meetings_do_not_depend_on_the_direction() -> None:
    rng = np.random.default_rng(3)
    stack = np.stack(
        [np.kron(rng.permutation(20).reshape(4, 5) + 1, np.ones((15, 14), int)) for _ in range(4)]
    ).astype(np.uint32)
    ahead, back = (collect(s, SETTINGS, SPACING).pieces() for s in (stack, stack[::-1]))
    found = [meetings(p, np.arange(p.area.size)) for p in (ahead, back)]
    clues = [m.clues[np.lexsort(m.clues.T)] for m in found]
    np.testing.assert_allclose(clues[0], clues[1], atol=1e-4)
    assert clues[0].shape[1] == network("strands").mean.size


def test_a_large_strand_takes_in_many_small_ones_and_no_equal_second_one() -> None:
    at = np.array
    found = Meetings(
        a=at([0, 0, 0, 0]), b=at([1, 2, 3, 4]), clues=np.zeros((4, 0)),
        smaller=at([1, 2, 3, 4]), larger=at([0, 0, 0, 0]), ratio=at([0.9, 0.05, 0.1, 0.8]),
    )  # fmt: skip
    assert merge(found, at([0.9, 0.8, 0.2, 0.7]), np.arange(5)).tolist() == [0, 0, 0, 1, 2]


def test_different_anchors_never_join() -> None:
    stack = two_columns()
    anchors = {0: stack[0] * 10, 5: stack[5] * 100}
    pieces = collect(stack, SETTINGS, SPACING, anchors=anchors).pieces()
    group = join(pieces)
    for k in np.unique(group):
        assert np.unique(pieces.anchor[(group == k) & (pieces.anchor > 0)]).size <= 1


@pytest.mark.parametrize("shape", [(0, 8, 8), (3, 8, 8)])
def test_without_objects_there_are_no_strands(shape: tuple[int, int, int]) -> None:
    pieces = collect(np.zeros(shape, np.uint32), SETTINGS, None).pieces()
    assert join(pieces).size == 0


def test_start_is_cautious() -> None:
    pieces = collect(two_columns(), SETTINGS, SPACING).pieces()
    assert start(pieces, bias=50.0).max() == 11
