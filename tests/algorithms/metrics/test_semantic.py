"""Pixel scores by hand."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.metrics.semantic import semantic_scores
from napari_emseg.core.errors import EmsegError


def test_confusion_by_hand() -> None:
    # 2 hits, 1 false, 2 missed.
    scores = semantic_scores(np.array([1, 1, 1, 1, 0, 0]), np.array([0.9, 0.8, 0.4, 0.1, 0.7, 0.2]))
    assert scores["precision"] == pytest.approx(2 / 3)
    assert scores["recall"] == 0.5
    assert scores["dice"] == pytest.approx(4 / 7)
    assert scores["iou"] == pytest.approx(2 / 5)
    # Ranked: hit, hit, false, hit, false, hit.
    assert scores["average_precision"] == pytest.approx((1 + 1 + 3 / 4 + 4 / 6) / 4)


def test_equal_scores_share_one_threshold() -> None:
    assert semantic_scores(np.array([1, 0, 0, 1]), np.ones(4))["average_precision"] == 0.5


def test_soft_truth_and_eight_bits() -> None:
    truth = np.array([0, 120, 128, 255], np.uint8)
    prediction = np.array([0, 100, 200, 255], np.uint8)
    assert semantic_scores(truth, prediction, truth_above=127)["dice"] == 1
    assert semantic_scores(truth, prediction)["recall"] == pytest.approx(2 / 3)
    assert semantic_scores(np.array([0, 1]), np.array([0, 1], np.uint8))["dice"] == 1


def test_undefined_scores_are_none() -> None:
    nothing, something = np.zeros(4), np.ones(4)
    assert semantic_scores(nothing, nothing) == {
        "dice": 1,
        "iou": 1,
        "precision": None,
        "recall": None,
        "average_precision": None,
    }
    assert semantic_scores(something, nothing)["precision"] is None
    assert semantic_scores(nothing, something)["recall"] is None


def test_refusals() -> None:
    with pytest.raises(EmsegError, match="differ in shape"):
        semantic_scores(np.ones(3), np.ones(4))
    with pytest.raises(EmsegError, match="not numbers"):
        semantic_scores(np.ones(2), np.array([1, np.nan]))


def test_what_is_no_probability_is_refused_and_ids_in_floats_are_a_mask() -> None:
    rng = np.random.default_rng(0)
    real = rng.random((40, 40)) > 0.5
    chance = rng.random((40, 40))
    for values in (chance * 255, chance - 0.5, (chance * 65535).astype(np.uint16)):
        with pytest.raises(EmsegError, match="no probabilities"):
            semantic_scores(real, values)
    assert semantic_scores(real, real * 7.0)["dice"] == 1
    assert (
        semantic_scores(real, np.kron(np.eye(2), np.full((20, 20), 300)).astype(np.uint16))["dice"]
        is not None
    )
    with pytest.raises(EmsegError, match="not numbers"):
        semantic_scores(real, np.where(real, np.inf, 0))
