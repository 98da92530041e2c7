"""What makes two objects one where blocks overlap, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.stitching import overlap_votes


@pytest.mark.parametrize(("shared", "is_one"), [(24, False), (25, True)])
def test_a_quarter_of_the_smaller_object_has_to_be_shared(shared: int, is_one: bool) -> None:
    """Object 3 has 100 voxels, object 8 has 160, and neither meets another: less than a quarter is a graze."""
    one, two = np.zeros(300, np.uint32), np.zeros(300, np.uint32)
    one[:100] = 3
    two[100 - shared : 260 - shared] = 8
    votes = overlap_votes(one, two)
    assert list(zip(votes.a.tolist(), votes.b.tolist(), strict=True)) == ([(3, 8)] if is_one else [])


@pytest.mark.parametrize("swapped", [False, True])
def test_both_halves_of_what_the_other_block_divides_are_found(swapped: bool) -> None:
    whole, halves = np.full(100, 5, np.uint32), np.repeat(np.array([6, 7], np.uint32), (60, 40))
    votes = overlap_votes(halves, whole) if swapped else overlap_votes(whole, halves)
    pairs = set(zip(votes.a.tolist(), votes.b.tolist(), strict=True))
    assert pairs == ({(6, 5), (7, 5)} if swapped else {(5, 6), (5, 7)})
