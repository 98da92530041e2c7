"""Clues of overlapping squares, by hand: 40 x 40 pixels, object 1 of 10 x 20 pixels."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.evidence import CLUES, best_other, border_motion, gather, tabulate


def section(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    labels = np.zeros((40, 40), np.uint32)
    for k, (top, bottom, left, right) in enumerate(boxes, 1):
        labels[top:bottom, left:right] = k
    return labels


def test_areas_and_overlap() -> None:
    found = gather(tabulate(section((5, 15, 5, 25))), tabulate(section((5, 15, 15, 25))))
    clue = dict(zip(CLUES, found.clues[0], strict=True))
    assert found.shared.tolist() == [100]
    assert clue["overlap"] == 0.5
    assert clue["inside"] == 1
    assert clue["cover"] == 0.5
    assert clue["sizes"] == pytest.approx(np.log(0.5))
    assert clue["core"] == 1
    assert clue["other_more"] == 0


def test_a_sliver_is_shallow() -> None:
    one = tabulate(section((5, 25, 5, 20)))
    deep = gather(one, tabulate(section((5, 25, 7, 22))))
    sliver = gather(one, tabulate(section((5, 25, 19, 34))))
    depth = CLUES.index("core")
    assert sliver.clues[0, depth] < 0.2 < deep.clues[0, depth]


def test_clues_do_not_depend_on_the_direction() -> None:
    rng = np.random.default_rng(1)
    a, b = (np.kron(rng.integers(0, 6, (8, 8)), np.ones((5, 5), int)).astype(np.uint32) for _ in range(2))
    there, back = gather(tabulate(a), tabulate(b)), gather(tabulate(b), tabulate(a))
    order = np.lexsort((back.a, back.b))
    np.testing.assert_array_equal(there.a, back.b[order])
    np.testing.assert_allclose(there.clues, back.clues[order])


def test_best_of_the_others() -> None:
    end, value = np.array([0, 0, 0, 1]), np.array([3.0, 7.0, 5.0, 2.0])
    assert best_other(end, value, 2).tolist() == [7, 5, 7, 0]


def test_border_motion_of_a_disc_that_steps_aside() -> None:
    y, x = np.mgrid[:100, :100]
    a, b = ((y - 50) ** 2 + (x - c) ** 2 <= 900 for c in (50, 53))
    shared = np.array([float((a & b).sum())])

    found = border_motion(np.array([float(a.sum())]), np.array([float(b.sum())]), shared)
    assert found == pytest.approx(3, abs=0.1)


def test_empty_sections_have_no_pairs() -> None:
    assert gather(tabulate(section()), tabulate(section((1, 5, 1, 5)))).a.size == 0
