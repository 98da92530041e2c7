"""Lanes of branches, drawn::

    section 0    0         0
    section 1    1         |
    section 2    2 3       |\\
    section 3    4 5       | |
    section 4    6         |/
"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_emseg.algorithms.branch_lanes import lanes


def test_a_branch_leaves_and_comes_back() -> None:
    section = np.array([0, 1, 2, 2, 3, 3, 4])
    size = np.array([9, 9, 9, 4, 9, 4, 9.0])
    edges = np.array([[0, 1], [1, 2], [1, 3], [2, 4], [3, 5], [4, 6], [5, 6]])
    assert lanes(section, size, edges).tolist() == [0, 0, 0, 1, 0, 1, 0]


def test_the_larger_branch_goes_straight_on() -> None:
    section, edges = np.array([0, 1, 1]), np.array([[0, 1], [0, 2]])
    assert lanes(section, np.array([9, 1, 5.0]), edges).tolist() == [0, 1, 0]


def test_a_lane_that_has_ended_is_used_again() -> None:
    section = np.array([0, 0, 1, 2, 2])
    edges = np.array([[0, 2], [2, 3]])
    assert lanes(section, np.array([9, 5, 9, 9, 3.0]), edges).tolist() == [0, 1, 0, 0, 1]


def test_nothing_runs_through_a_lane_that_skips_a_section() -> None:
    section = np.array([0, 1, 2])
    edges = np.array([[0, 2]])  # piece 1 lies beside the link
    assert lanes(section, np.array([9, 5, 9.0]), edges).tolist() == [0, 1, 0]


def test_no_pieces() -> None:
    empty = np.zeros(0, np.int64)
    assert lanes(empty, empty.astype(float), empty.reshape(0, 2)).size == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 5))
def test_no_two_pieces_of_a_section_share_a_lane(seed: int, n_sections: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    section = np.repeat(np.arange(n_sections), rng.integers(1, most + 1, n_sections))
    edges = []
    for b in range(section.size):
        before = np.flatnonzero((section < section[b]) & (section >= section[b] - 3))
        if before.size:
            edges += [
                (int(a), b) for a in rng.choice(before, rng.integers(0, min(3, before.size) + 1), False)
            ]
    found = lanes(section, rng.random(section.size), np.array(edges, np.int64).reshape(-1, 2))
    assert (found >= 0).all()
    pairs = list(zip(section.tolist(), found.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    assert found.max() < section.size
