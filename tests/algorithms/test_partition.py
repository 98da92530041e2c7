"""Six segments in a row; only the wall between the third and the fourth is strong.

::

    1 1 | 2 2 | 3 3 # 4 4 | 5 5 | 6 6
"""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.agglomeration import merge_by_boundary, merge_tree
from napari_emseg.algorithms.partition import improve, mutex, partition


@pytest.fixture
def row() -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(1, 7, dtype=np.uint32), 4)[None].repeat(8, 0)
    boundary = np.full(labels.shape, 0.1, np.float32)
    boundary[:, 12] = 0.9
    return labels, boundary


@pytest.mark.parametrize("rule", ["gasp", "multicut", "mutex"])
def test_a_strong_wall_parts_two_objects(row: tuple[np.ndarray, np.ndarray], rule: str) -> None:
    labels, boundary = row
    assert np.unique(partition(labels, boundary, 0.5, rule)[0]).tolist() == [1, 4]
    eight_bits = (boundary * 255).astype(np.uint8)
    assert np.unique(partition(labels, eight_bits, 0.5, rule)[0]).tolist() == [1, 4]
    assert np.unique(partition(labels, boundary, 0.95, rule)).tolist() == [1]


def test_once_apart_always_apart() -> None:
    # 0-1 attract most, 0-2 repel more than 1-2 attract.
    u, v, evidence = np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([9.0, -6.0, 5.0])
    assert mutex(u, v, evidence, 3).tolist() == [0, 0, 2]
    assert mutex(u, v, np.array([9.0, -4.0, 5.0]), 3).tolist() == [0, 0, 0]


def test_moves_lower_the_cost_only() -> None:
    rng = np.random.default_rng(3)
    u, v = np.triu_indices(20, 1)
    evidence = rng.normal(0, 1, u.size)
    start = rng.integers(0, 4, 20)

    def inside(group: np.ndarray) -> float:
        return float(evidence[group[u] == group[v]].sum())

    better = improve(u, v, evidence, start)
    assert inside(better) > inside(start)


def test_a_cut_of_the_tree_is_a_run_to_that_threshold() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(1, 40, (12, 12)).repeat(4, 0).repeat(4, 1).astype(np.uint32)
    boundary = rng.random(labels.shape).astype(np.float32)
    tree = merge_tree(labels, boundary)
    assert (np.diff(tree.height) >= 0).all()
    for threshold in (0, 0.3, 0.5, 0.62, 0.66, 0.7, 1):
        np.testing.assert_array_equal(
            tree.at(threshold)[labels], merge_by_boundary(labels, boundary, threshold)
        )


def test_one_segment_has_nothing_to_join() -> None:
    labels = np.ones((4, 4), np.uint32)
    boundary = np.zeros((4, 4), np.float32)
    np.testing.assert_array_equal(partition(labels, boundary, 0.5, "gasp"), labels)
    assert merge_tree(labels, boundary).kept.size == 0
