"""Touching rectangles, by hand: 40 x 40 pixels."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.evidence import CLUES, gather, tabulate
from napari_emseg.algorithms.neighbours import touching


def section(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    labels = np.zeros((40, 40), np.uint32)
    for k, (top, bottom, left, right) in enumerate(boxes, 1):
        labels[top:bottom, left:right] = k
    return labels


def test_two_that_touch_across_a_membrane() -> None:
    found = touching(section((0, 20, 0, 10), (0, 20, 12, 30), (30, 40, 0, 40)), reach_px=3)
    assert (found.a.tolist(), found.b.tolist()) == ([0], [1])
    # Ten of twenty rows are looked at; a straight border counts pi / 4 of its length on average.
    assert found.length[0] == pytest.approx(20 * np.pi / 4)


def test_the_end_of_a_row_does_not_touch_the_start_of_the_next() -> None:
    assert touching(section((0, 40, 0, 2), (0, 40, 38, 40)), reach_px=5).a.size == 0


def test_an_object_between_two_keeps_them_apart() -> None:
    found = touching(section((0, 40, 0, 10), (0, 40, 10, 12), (0, 40, 12, 40)), reach_px=5)
    assert list(zip(found.a.tolist(), found.b.tolist(), strict=True)) == [(0, 1), (1, 2)]


def test_nothing_touches_in_an_empty_section() -> None:
    assert touching(np.zeros((8, 8), np.uint32), reach_px=3).length.size == 0


def test_neighbours_tell_a_thin_one_that_steps_aside() -> None:
    # Three columns; the thin one in the middle moves to where its right neighbour was.
    one = tabulate(section((0, 40, 0, 18), (0, 40, 18, 21), (0, 40, 21, 40)), 5.0)
    two = tabulate(section((0, 40, 0, 20), (0, 40, 20, 23), (0, 40, 23, 40)), 5.0)
    known = gather(one, two)
    likeness = dict(
        zip(
            zip(known.a.tolist(), known.b.tolist(), strict=True),
            known.clues[:, CLUES.index("likeness")].tolist(),
            strict=True,
        )
    )
    assert likeness[1, 1] > 0.9
    assert likeness[2, 1] < 0.5
