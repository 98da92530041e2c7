"""What a section does not show goes on behind it, where its place stays empty.

One object in eight of a row of cells under drift is left out of one or two sections::

    z 0..4   1 2 3 4 5
    z 5      1 2 . 4 5
    z 6..9   1 2 3 4 5
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_emseg.algorithms.matching import Link
from napari_emseg.algorithms.propagation import propagate
from napari_emseg.settings import PropagateSettings

SPACING = (50.0, 8.0, 8.0)
SETTINGS = PropagateSettings()
LEFT_OUT = 5


def cells(drift: int = 2) -> NDArray[np.uint32]:
    """Ten sections of twelve cells of 20 x 20 pixels, 4 apart; the picture moves along x. Ids are those of the cells."""
    still = np.zeros((80, 160), np.uint32)
    for n in range(12):
        y, x = 4 + 24 * (n // 4), 4 + 24 * (n % 4)
        still[y : y + 20, x : x + 20] = n + 1
    return np.stack([np.roll(still, drift * z, 1) for z in range(10)])


def without(labels: NDArray[np.uint32], sections: range, cell: int = 6) -> NDArray[np.uint32]:
    """The same, a cell missing in some sections, and named apart in every section: ids tell nothing."""
    drawn = labels.copy()
    drawn[sections] = np.where(drawn[sections] == cell, 0, drawn[sections])
    return np.where(drawn > 0, drawn + 100 * np.arange(len(drawn), dtype=np.uint32)[:, None, None], 0)


def ids_of(found: NDArray[np.unsignedinteger], truth: NDArray[np.uint32], cell: int) -> list[int]:
    """The id of a cell in every section."""
    return [int(np.bincount(a[b == cell]).argmax()) for a, b in zip(found, truth, strict=True)]


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("drift", [0, 3])
def test_it_is_the_same_behind_the_hole(missing: int, drift: int) -> None:
    truth = cells(drift)
    hole = range(LEFT_OUT, LEFT_OUT + missing)
    found, links = propagate(without(truth, hole), SETTINGS, SPACING)
    for cell in range(1, 13):
        ids = ids_of(found, truth, cell)
        shown = [k for z, k in enumerate(ids) if cell != 6 or z not in hole]
        assert len(set(shown)) == 1
    over = [k for k in links if k.section_b - k.section_a > 1]
    assert [(k.section_a, k.a % 100, k.section_b, k.b % 100, k.kind) for k in over] == [
        (LEFT_OUT - 1, 6, hole.stop, 6, "same")
    ]
    assert over[0].confidence > SETTINGS.doubt_below
    assert not [k for k in links if k.kind in ("end", "start")]


def broken(links: list[Link]) -> list[tuple[int, str]]:
    return [(k.section_a, k.kind) for k in links if k.kind in ("end", "start")]


def test_a_longer_hole_or_none_at_all_ends_it() -> None:
    truth = cells()
    assert broken(propagate(without(truth, range(4, 7)), SETTINGS, SPACING)[1]) == [(3, "end"), (6, "start")]
    settings = PropagateSettings(max_gap=1)
    assert broken(propagate(without(truth, range(4, 6)), settings, SPACING)[1]) == [(3, "end"), (5, "start")]
    settings = PropagateSettings(max_gap=0)
    assert broken(propagate(without(truth, range(4, 5)), settings, SPACING)[1]) == [(3, "end"), (4, "start")]


def test_what_another_object_has_taken_is_no_hole() -> None:
    truth = cells()
    drawn = without(truth, range(0))
    drawn[5][truth[5] == 6] = drawn[5][truth[5] == 7][0]  # the neighbour spreads over it
    over = [k for k in propagate(drawn, SETTINGS, SPACING)[1] if k.section_b - k.section_a > 1]
    assert not over


def test_people_who_say_that_it_is_another_one_are_right() -> None:
    truth = cells()
    drawn = without(truth, range(5, 6))
    anchors = {4: truth[4], 6: np.where(truth[6] == 6, 50, truth[6])}
    found, _ = propagate(drawn, SETTINGS, SPACING, anchors=anchors)
    ids = ids_of(found, truth, 6)
    assert (ids[:5], ids[6:]) == ([6] * 5, [50] * 4)


def test_an_anchor_reaches_through_a_hole() -> None:
    truth = cells()
    found, _ = propagate(without(truth, range(5, 7)), SETTINGS, SPACING, anchors={0: truth[0]})
    np.testing.assert_array_equal(
        found, np.where((truth == 6) & np.isin(np.arange(10), (5, 6))[:, None, None], 0, truth)
    )


@pytest.mark.parametrize(("side", "is_same"), [(14, True), (9, False)])
def test_behind_a_hole_it_fills_the_place_where_it_was(side: int, is_same: bool) -> None:
    """Cell 6 of 20 x 20 pixels is lost, and in its place a smaller one appears: of half its area, or of a fifth."""
    drawn = without(cells(0), range(5, 10))
    drawn[6:, 28 : 28 + side, 28 : 28 + side] = 50
    over = [(k.a, k.b) for k in propagate(drawn, SETTINGS, SPACING)[1] if k.section_b - k.section_a > 1]
    assert over == ([(406, 50)] if is_same else [])
