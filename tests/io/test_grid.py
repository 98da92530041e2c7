"""Positions in formats that count in voxels: what they hold, where results lie, and which levels begin on the grid."""

from __future__ import annotations

import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.grid import aligned_factors, position_kept, position_moved, whole_voxels

SPACING = (50.0, 6.0, 4.0)


@pytest.mark.parametrize(
    ("offset_nm", "voxels"),
    [
        (None, (0, 0, 0)),
        ((100, -36, 8), (2, -6, 2)),
        ((100, -36.03, 8.02), (2, -6, 2)),  # written with few digits
        ((100, 3 * 6 + 1.5, 2 * 4 + 1), (2, 3, 2)),  # of a level of pixels twice as large: their middle
        ((150 + 18.75, 3 * 6 + 2.25, 2 * 4 + 1.5), (3, 3, 2)),  # four times as large along all axes
    ],
)
def test_positions_in_whole_voxels(
    offset_nm: tuple[float, float, float] | None, voxels: tuple[int, int, int]
) -> None:
    assert whole_voxels(offset_nm, SPACING, "here") == voxels


@pytest.mark.parametrize("offset_nm", [(100, 36, 9.2), (105, 36, 8), (100, 36 + 1.5, 8)])
def test_positions_between_voxels_are_refused(offset_nm: tuple[float, float, float]) -> None:
    with pytest.raises(EmsegError, match="no whole number of voxels"):
        whole_voxels(offset_nm, SPACING, "here")


def test_the_lowest_position_that_a_format_holds() -> None:
    assert whole_voxels((0, 6, 4), SPACING, "here", least=0) == (0, 1, 1)
    with pytest.raises(EmsegError, match="is negative"):
        whole_voxels((0, -6, 4), SPACING, "here", least=0)


def test_a_position_that_the_output_cannot_hold_is_left_out() -> None:
    kept = {name: position_kept(name, (100, 36, -8), SPACING) for name in ("a.h5", "a.precomputed", "a.wk")}
    assert kept == {"a.h5": (100, 36, -8), "a.precomputed": (100, 36, -8), "a.wk": None}
    assert position_kept("a.precomputed", (100, 36, 9), SPACING) is None
    assert position_kept("a.wk", (100, 36, 8), SPACING) == (100, 36, 8)


def test_a_result_that_begins_elsewhere_has_moved() -> None:
    assert position_moved((100, 36, 8), SPACING, (1, -2, 0.5)) == (150, 24, 10)
    assert position_moved((100, 36, 8), None, (0, 0, 0)) == (100, 36, 8)
    assert position_moved((100, 36, 8), None, (1, 0, 0)) is None
    assert position_moved(None, SPACING, (1, 0, 0)) is None


@pytest.mark.parametrize(
    ("begin", "kept"), [((0, 0, 0), 3), ((5, 8, 16), 3), ((5, 4, 16), 2), ((5, 2, 2), 1), ((5, 8, 1), 0)]
)
def test_levels_that_would_be_shifted_are_left_out_with_all_below(
    begin: tuple[int, int, int], kept: int
) -> None:
    factors = [(1, 2, 2), (1, 2, 2), (1, 2, 2)]
    assert aligned_factors(factors, begin) == factors[:kept]
    assert aligned_factors([(1, 2, 2), (2, 1, 1), (1, 2, 2)], (1, 4, 4)) == [(1, 2, 2)]
