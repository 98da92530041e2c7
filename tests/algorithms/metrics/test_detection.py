"""Instance scores by hand and against brute force over all assignments."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_emseg.algorithms.metrics.detection import THRESHOLDS, detection_scores, instances
from napari_emseg.core.errors import EmsegError


def test_by_hand() -> None:
    """Object 1: found whole. 2: 6 of 10 pixels. 3: missed. One predicted object lies on nothing."""
    truth = np.repeat([1, 0, 2, 0, 3, 0], [10, 2, 10, 2, 5, 5])
    prediction = np.repeat([7, 0, 9, 0, 0, 0, 4], [10, 2, 6, 4, 2, 5, 5])
    scores = detection_scores(truth, prediction)
    assert (scores["matched"], scores["missed"], scores["extra"]) == (2, 1, 1)
    assert scores["precision"] == scores["recall"] == scores["f1"] == pytest.approx(2 / 3)
    # 0.6 counts at 0.5, 0.55 and 0.6 of the ten thresholds.
    assert scores["recall_mean"] == pytest.approx((3 * 2 + 7 * 1) / 10 / 3)
    assert scores["panoptic_quality"] == pytest.approx((1 + 0.6) / (2 + 0.5 + 0.5))
    assert "reason" not in scores


def test_one_piece_that_covers_two_objects_finds_one_at_most() -> None:
    truth, merged = np.repeat([1, 2], [10, 10]), np.full(20, 5)
    assert detection_scores(truth, merged)["matched"] == 1  # both overlaps are exactly 0.5
    assert detection_scores(merged, truth, iou=0.2)["matched"] == 1
    assert detection_scores(truth, merged, iou=0.6)["f1"] == 0


def test_a_low_overlap_needs_the_assignment_and_not_the_best_pair() -> None:
    """Greedy would give a the larger share of x and leave b without a partner."""
    truth = np.repeat([1, 1, 2, 2], [6, 4, 3, 3])
    prediction = np.repeat([8, 9, 9, 0], [6, 4, 3, 3])
    assert detection_scores(truth, prediction, iou=0.2)["matched"] == 2


def test_small_objects_are_left_out() -> None:
    truth, prediction = np.repeat([1, 2, 0], [300, 299, 1]), np.repeat([1, 0, 5], [300, 299, 1])
    scores = detection_scores(truth, prediction, iou=0.2, min_voxels=300)
    assert (scores["f1"], scores["missed"], scores["extra"]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("truth", "prediction", "undefined", "reason"),
    [
        ([0, 0], [0, 0], {"f1", "precision", "recall"}, "no object in the ground truth and no object in the prediction"),
        ([0, 0], [1, 0], {"recall"}, "no object in the ground truth"),
        ([1, 0], [0, 0], {"precision"}, "no object in the prediction"),
    ],
)  # fmt: skip
def test_nothing_gives_null_with_a_reason(
    truth: list[int], prediction: list[int], undefined: set[str], reason: str
) -> None:
    scores = detection_scores(np.array(truth), np.array(prediction))
    assert {k for k in ("f1", "precision", "recall") if scores[k] is None} == undefined
    assert scores["reason"] == reason


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.1, 0.2, 0.5, 0.75]), st.integers(0, 3))
def test_agrees_with_brute_force(seed: int, threshold: float, least: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, (3, 4, 5))
    prediction = np.where(rng.random(truth.shape) < 0.6, truth * 10, rng.integers(0, 4, truth.shape) * 10)
    scores = detection_scores(truth, prediction, iou=threshold, min_voxels=least)
    a = [i for i in np.unique(truth) if i and (truth == i).sum() >= least]
    b = [i for i in np.unique(prediction) if i and (prediction == i).sum() >= least]
    assert scores["matched"] == len(best_matching(truth, prediction, a, b, threshold))
    for k, t in ((5, 0.5), (6, 0.6)):
        assert k == round(10 * t)
    if a or b:
        half = best_matching(truth, prediction, a, b, 0.5 + 1e-9)  # more than one half
        assert scores["panoptic_quality"] == pytest.approx(2 * sum(half) / (len(a) + len(b)))
        counts = [len(best_matching(truth, prediction, a, b, t)) for t in THRESHOLDS]
        assert scores["f1_mean"] == pytest.approx(2 * np.mean(counts) / (len(a) + len(b)))


def best_matching(
    truth: np.ndarray, prediction: np.ndarray, a: list[int], b: list[int], threshold: float
) -> list[float]:
    """Overlaps of the best of all one-to-one matchings: most pairs first, then the largest sum."""
    table = [
        [((truth == i) & (prediction == j)).sum() / ((truth == i) | (prediction == j)).sum() for j in b]
        for i in a
    ]
    slots = [*range(len(b)), *[None] * len(a)]
    found: list[float] = []
    for chosen in set(permutations(slots, len(a))):
        good = [table[i][j] for i, j in enumerate(chosen) if j is not None and table[i][j] >= threshold]
        if (len(good), sum(good)) > (len(found), sum(found)):
            found = good
    return found


def test_masks_and_probabilities_become_instances() -> None:
    mask = np.zeros((3, 4, 4), np.uint8)
    mask[0, 0, 0] = mask[1, 1, 1] = 255  # touch at a corner: one object
    mask[2, 3, 3] = 255
    for values in (mask, mask > 0, mask / 255):
        assert len(np.unique(instances(values))) == 3
    ids = mask.astype(np.int32)
    ids[2, 3, 3] = 9
    np.testing.assert_array_equal(instances(ids), ids)
    assert instances(np.full((1, 2, 2), 127, np.uint8), above=127).max() == 0
    diagonal = np.eye(4, dtype=bool)[None]
    assert instances(diagonal).max() == 1


def test_grey_values_are_no_ids() -> None:
    soft = np.clip(300 - 40 * np.hypot(*np.mgrid[-20:20, -20:20]), 0, 255).astype(np.uint8)
    with pytest.raises(EmsegError, match=r"grey values and no object ids.*--prediction-above"):
        instances(soft)
    assert instances(soft, above=127).max() == 1
    cells = np.kron(np.arange(1, 26, dtype=np.uint8).reshape(5, 5), np.ones((3, 3), np.uint8))
    np.testing.assert_array_equal(instances(cells), cells)


def test_wrong_input() -> None:
    with pytest.raises(EmsegError, match="differ in shape"):
        detection_scores(np.zeros(3, int), np.zeros(4, int))
    with pytest.raises(EmsegError, match="whole numbers"):
        detection_scores(np.zeros(3), np.zeros(3))


def test_panoptic_quality_asks_for_more_than_half() -> None:
    truth, half = np.array([[1, 1, 0, 0]]), np.array([[5, 0, 0, 0]])
    scores = detection_scores(truth, half)
    assert (scores["f1"], scores["panoptic_quality"]) == (1, 0)


def test_ids_in_floats_are_ids_and_other_floats_are_refused() -> None:
    ids = np.kron(np.array([[1, 2], [0, 3]]), np.ones((5, 5), int))
    np.testing.assert_array_equal(instances(ids.astype(np.float32)), ids)
    rng = np.random.default_rng(0)
    for values in (ids + 0.5, ids - 1.0):
        with pytest.raises(EmsegError, match="neither probabilities nor object ids"):
            instances(values)
    with pytest.raises(EmsegError, match="grey values"):
        instances(rng.integers(0, 65535, (30, 30)).astype(np.uint16))
    assert instances(ids + 0.5, above=1).max() == 1
