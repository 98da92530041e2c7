"""Expected run length and the errors of single objects, by hand and against their sums."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.metrics.object_errors import MOST_NAMED, object_errors
from napari_emseg.algorithms.metrics.run_length import expected_run_length
from napari_emseg.algorithms.metrics.segmentation import segmentation_scores


def line(n: int) -> tuple[np.ndarray, np.ndarray]:
    """n points 10 nm apart."""
    points = np.zeros((n, 3))
    points[:, 0] = 10 * np.arange(n)
    return points, np.stack([np.arange(n - 1), np.arange(1, n)], axis=1)


def test_a_perfect_segmentation_runs_whole_neurites() -> None:
    scores = expected_run_length([line(11), line(6)], [np.full(11, 3), np.full(6, 4)])
    assert scores["expected_run_length_nm"] == scores["greatest_run_length_nm"] == pytest.approx(12500 / 150)
    assert scores["run_length_part"] == 1


def test_a_split_costs_its_edge_and_shortens_both_runs() -> None:
    scores = expected_run_length([line(11)], [np.repeat([3, 4], [5, 6])])
    assert scores["expected_run_length_nm"] == pytest.approx((40**2 + 50**2) / 100)


def test_a_merger_and_what_was_missed_run_nowhere() -> None:
    merged = expected_run_length([line(11), line(11)], [np.full(11, 3), np.repeat([3, 5], [2, 9])])
    assert merged["merged_segments"] == 1
    assert merged["expected_run_length_nm"] == pytest.approx(80**2 / 200)
    assert expected_run_length([line(11)], [np.zeros(11, int)])["expected_run_length_nm"] == 0


def test_skeletons_without_length() -> None:
    scores = expected_run_length([line(1)], [np.array([1])])
    assert scores["expected_run_length_nm"] is None
    assert scores["reason"] == "the skeletons have no length"


def test_objects_by_hand() -> None:
    truth = np.repeat([1, 2, 3, 4, 0], [100, 100, 50, 20, 10])
    prediction = np.repeat([7, 8, 9, 9, 0, 9], [60, 40, 100, 50, 20, 10])
    by_id = {e.object_id: e for e in object_errors(truth, prediction)}
    assert (by_id[1].pieces, by_id[1].main_segment, by_id[1].main_part, by_id[1].iou) == (2, 7, 0.6, 0.6)
    assert by_id[1].merged_with == ()
    assert (by_id[2].pieces, by_id[2].merged_with, by_id[2].iou) == (1, (3,), 100 / 150)
    assert by_id[3].merged_with == (2,)
    assert (by_id[4].pieces, by_id[4].main_segment, by_id[4].main_part) == (0, 0, 0)
    said = [e.voi_split + e.voi_merge for e in object_errors(truth, prediction)]
    assert said == sorted(said, reverse=True)
    assert object_errors(np.zeros(3, int), np.ones(3, int)) == []


def test_a_ragged_border_is_no_merger() -> None:
    truth = np.repeat([1, 2], [1000, 1000])
    prediction = np.repeat([1, 2], [1009, 991])
    by_id = {e.object_id: e for e in object_errors(truth, prediction)}
    assert by_id[1].merged_with == ()
    assert by_id[2].pieces == 1


@pytest.mark.parametrize("seed", range(3))
def test_they_add_up_to_the_scores_of_the_volume(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 40, (4, 20, 30))
    prediction = np.where(rng.random(truth.shape) < 0.8, truth // 2, rng.integers(0, 9, truth.shape))
    errors = object_errors(truth, prediction)
    scores = segmentation_scores(truth, prediction)
    assert sum(e.voi_split for e in errors) == pytest.approx(scores["voi_split"])
    assert sum(e.voi_merge for e in errors) == pytest.approx(scores["voi_merge"])
    assert sum(e.voxels for e in errors) == (truth != 0).sum()


def test_what_everything_is_merged_with_is_counted_and_not_listed() -> None:
    """In full it would be a square: 300 objects in one segment."""
    truth = np.repeat(np.arange(1, 301), 100).reshape(1, 300, 100)
    truth[0, 0], truth[0, 1, :50] = 2, 2
    rows = object_errors(truth, np.ones_like(truth))
    assert {len(row.merged_with) for row in rows} == {MOST_NAMED}
    assert {row.n_merged for row in rows} == {len(rows) - 1}
    assert all(row.error == "merged" and row.object_id not in row.merged_with for row in rows)
    assert next(row for row in rows if row.object_id == 9).merged_with[0] == 2
