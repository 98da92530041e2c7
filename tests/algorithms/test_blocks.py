"""Connected parts and stitching: whatever the blocks, the same answer."""

from __future__ import annotations

import cc3d
import numpy as np
import pytest
from in_order import in_order

from napari_emseg.algorithms.blocks import components_in_blocks, grid
from napari_emseg.algorithms.stitching import overlap_votes, union
from napari_emseg.core.errors import EmsegError

SHAPE = (12, 30, 34)


@pytest.mark.parametrize("seed", range(20))
def test_blocks_of_any_size_in_any_order_give_the_same_ids(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random(SHAPE) < 0.35
    block = tuple(int(rng.integers(1, n + 3)) for n in SHAPE)
    block = (block[0], max(block[1], 5), max(block[2], 5))
    connectivity = (6, 18, 26)[seed % 3]
    output = np.zeros(SHAPE, np.uint32)
    order = rng.permutation(len(grid(SHAPE, block))).tolist()
    n = components_in_blocks(mask, output, block, connectivity=connectivity, order=order)
    whole = in_order(cc3d.connected_components(mask, connectivity=connectivity))
    assert n == whole.max()
    np.testing.assert_array_equal(output, whole)


def test_touching_ids_stay_apart() -> None:
    ids = np.zeros((4, 6, 6), np.uint8)
    ids[:, :, :3], ids[:, :, 3:] = 1, 2
    output = np.zeros(ids.shape, np.uint32)
    assert components_in_blocks(ids, output, (3, 2, 3)) == 2


def test_blocks_must_hold_something() -> None:
    with pytest.raises(EmsegError, match="hold nothing"):
        grid(SHAPE, (0, 4, 4))


def test_votes_are_taken_both_ways() -> None:
    # 1 and 2 of one block are both part of 5 in the other: one way alone would lose one of them.
    one = np.array([[1, 1, 1, 0, 2, 2, 3, 3]])
    two = np.array([[5, 5, 5, 5, 5, 5, 0, 6]])
    votes = overlap_votes(one, two)
    assert sorted(zip(votes.a.tolist(), votes.b.tolist(), strict=True)) == [(1, 5), (2, 5), (3, 6)]


def test_a_touch_in_passing_is_no_vote() -> None:
    one = np.array([[1] * 10 + [2] * 10])
    two = np.array([[7] * 12 + [8] * 8])
    votes = overlap_votes(one, two)
    assert sorted(zip(votes.a.tolist(), votes.b.tolist(), strict=True)) == [(1, 7), (2, 8)]


def test_a_loop_is_one_object() -> None:
    # Branches 2 and 3 leave stem 1 and meet again in 4.
    pairs = [(1, 2), (1, 3), (2, 4), (3, 4), (6, 5)]
    votes = [(np.array([a]), np.array([b])) for a, b in pairs]
    assert union(votes, 7).tolist() == [0, 1, 1, 1, 1, 5, 5, 7]
    assert union(votes[::-1], 7).tolist() == [0, 1, 1, 1, 1, 5, 5, 7]
