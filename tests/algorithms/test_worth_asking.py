"""Samples that are worth asking about, and unlike each other."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.queries import worth_asking
from napari_emseg.core.errors import EmsegError


def test_the_most_uncertain_comes_first_and_its_twin_does_not_follow() -> None:
    worth = np.array([0.9, 0.8, 0.5, 0.1])
    features = np.array([[0.0], [0.0], [5.0], [9.0]])  # the first two are twins
    assert worth_asking(worth, features, 2).tolist() == [0, 2]


def test_what_is_like_the_known_is_worth_nothing() -> None:
    worth = np.array([0.2, 0.9, 0.4])
    features = np.array([[0.0], [0.0], [4.0]])
    known = np.array([True, False, False])
    assert worth_asking(worth, features, 1, known=known).tolist() == [2]


def test_alike_samples_come_by_worth_alone() -> None:
    assert worth_asking(np.array([0.1, 0.3, 0.2]), np.zeros((3, 2)), 3).tolist() == [1, 2, 0]


def test_exact_budget_without_repeats_and_never_a_known_one() -> None:
    rng = np.random.default_rng(0)
    known = rng.random(40) < 0.5
    chosen = worth_asking(rng.random(40), rng.random((40, 3)), int((~known).sum()), known=known)
    assert sorted(chosen.tolist()) == np.flatnonzero(~known).tolist()
    with pytest.raises(EmsegError, match="not answered yet"):
        worth_asking(rng.random(40), rng.random((40, 3)), 40, known=known)
