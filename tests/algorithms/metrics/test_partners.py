"""CREMI's partner scores: by hand, and against the cost matrix of the published definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from napari_emseg.algorithms.metrics.partners import Pairs, partner_scores, segments_at

SPACING = (40.0, 4.0, 4.0)
# Left half is neuron 5, right half neuron 2**60, in four sections.
NEURONS = np.full((4, 50, 400), 5, np.uint64)
NEURONS[:, :, 200:] = 2**60
WIDE = np.ones((4, 50, 400), np.uint8)


def pairs(*rows: tuple[float, float, float, float, float, float]) -> Pairs:
    table = np.asarray(rows, float).reshape(-1, 6)
    return Pairs(table[:, :3], table[:, 3:])


HERE = (40, 40, 700, 40, 40, 900)  # pre in the left neuron, post in the right one


def test_the_same_pairs_are_perfect() -> None:
    truth = pairs(HERE, (80, 40, 100, 80, 40, 1500))
    scores = partner_scores(truth, truth, NEURONS, SPACING)
    assert (scores["f1"], scores["precision"], scores["recall"]) == (1, 1, 1)
    assert scores["mean_distance_nm"] == 0


def test_a_second_detection_is_a_false_positive() -> None:
    near = (40, 44, 700, 40, 40, 903)
    scores = partner_scores(pairs(HERE), pairs(near, HERE, near), NEURONS, SPACING)
    assert (scores["matched"], scores["false_positives"], scores["false_negatives"]) == (1, 2, 0)
    assert scores["mean_distance_nm"] == 0
    assert scores["f1"] == 0.5


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ((40, 40, 300, 40, 40, 900), True),  # exactly 400 nm
        ((40, 40, 299, 40, 40, 900), False),
        ((40, 40, 700, 40, 40, 1301), False),
        ((40, 40, 900, 40, 40, 700), False),  # the other way round
        ((40, 40, 820, 40, 40, 900), False),  # pre in the right neuron
        ((40, 40, 700, 40, 40, 790), False),  # post in the left neuron
        ((-40, 40, 700, 40, 40, 900), False),  # outside the volume
    ],
)
def test_what_counts_as_the_same(other: tuple[float, ...], same: bool) -> None:
    scores = partner_scores(pairs(HERE), pairs(other), NEURONS, SPACING)  # type: ignore[arg-type]
    assert scores["matched"] == same
    assert ("reason" in scores) == (not same)


def test_two_matches_may_cost_less_than_three() -> None:
    """As CREMI counts: three at 400 nm cost 1200, two of nothing and one that is left out 800."""
    truth = pairs(*((40, 40, x, 40, 40, x) for x in (100, 500, 899)))
    said = pairs(*((40, 40, x, 40, 40, x) for x in (500, 899, 1298)))
    assert partner_scores(truth, said, WIDE, SPACING)["matched"] == 2


def test_both_pairs_are_matched_where_that_costs_less() -> None:
    """A lies between two true pairs and nearest to the one that B alone can have."""
    truth = pairs((40, 40, 300, 40, 40, 900), (40, 40, 650, 40, 40, 900))
    said = pairs((40, 40, 640, 40, 40, 900), (40, 40, 799, 40, 40, 900))
    assert partner_scores(truth, said, NEURONS, SPACING)["matched"] == 2


def test_voxels_and_offsets() -> None:
    points = np.array(
        [[400.0, 0, 0], [439.9, 3.9, 799.9], [440, 0, 800], [520, 0, 0], [560, 0, 0], [399, 0, 0]]
    )
    found = segments_at(points, NEURONS, SPACING, (400.0, 0.0, 0.0))
    assert found[0] == found[1] == found[3] != found[2]
    assert found[4:].tolist() == [-1, -1]
    own = np.arange(12).reshape(3, 2, 2)  # every voxel is another's
    middles = np.argwhere(own >= 0)[::-1] + 0.5
    assert segments_at(middles, own, (1, 1, 1)).tolist() == list(range(12))[::-1]
    # 3 * 4.6 / 4.6 is a little less than 3: rounding must not move a point into the voxel in front.
    tiny = segments_at(np.array([[0, 0, 3 * 4.6]]), np.arange(5)[None, None], (1, 1, 4.6))
    assert (
        tiny.tolist()
        == segments_at(np.array([[0, 0, 3 * 4.6 + 0.1]]), np.arange(5)[None, None], (1, 1, 4.6)).tolist()
    )


@pytest.mark.parametrize(
    ("n", "m", "f1", "precision", "recall"),
    [(0, 0, None, None, None), (0, 1, 0, 0, None), (1, 0, 0, None, 0)],
)
def test_nothing_gives_null_with_a_reason(
    n: int, m: int, f1: float | None, precision: float | None, recall: float | None
) -> None:
    scores = partner_scores(pairs(*[HERE] * n), pairs(*[HERE] * m), NEURONS, SPACING)
    assert (scores["f1"], scores["precision"], scores["recall"]) == (f1, precision, recall)
    assert "no pair in the" in str(scores["reason"])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 7), st.integers(1, 7))
def test_agrees_with_the_published_definition(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    box = np.array([160, 200, 1600]) - 1e-3
    truth = Pairs(rng.random((n, 3)) * box, rng.random((n, 3)) * box)
    said = Pairs(rng.random((m, 3)) * box, rng.random((m, 3)) * box)
    threshold = 500.0
    ids = [
        [NEURONS[tuple((p // SPACING).astype(int))] for p in side]
        for side in (truth.pre_nm, truth.post_nm, said.pre_nm, said.post_nm)
    ]
    costs = np.full((max(n, m),) * 2, 2 * threshold)
    for i in range(m):
        for j in range(n):
            pre = np.linalg.norm(said.pre_nm[i] - truth.pre_nm[j])
            post = np.linalg.norm(said.post_nm[i] - truth.post_nm[j])
            same = ids[0][j] == ids[2][i] and ids[1][j] == ids[3][i]
            if same and pre <= threshold and post <= threshold:
                costs[i, j] = (pre + post) / 2
    best = costs[linear_sum_assignment(costs - costs.max() - 1)]
    found = int((best <= threshold).sum())
    scores = partner_scores(truth, said, NEURONS, SPACING, matching_nm=threshold)
    assert scores["matched"] == found
    assert scores["precision"] == pytest.approx(found / m)
    assert scores["recall"] == pytest.approx(found / n)
    if found:
        assert scores["mean_distance_nm"] == pytest.approx(best[best <= threshold].mean())
