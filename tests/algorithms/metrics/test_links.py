"""Links from section to section: by hand, and counted one pair at a time."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.metrics.links import LinkCount


def scores(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float | None]:
    links = LinkCount()
    for a, b in zip(truth, prediction, strict=True):
        inside = a != 0
        links.add(contingency(a[inside], b[inside]))
    return links.scores()


def columns(*ids: int) -> np.ndarray:
    """A section of stripes of 100 pixels."""
    return np.repeat(ids, 100)


def test_all_right() -> None:
    truth = np.stack([columns(1, 2, 3)] * 3)
    assert scores(truth, truth * 9) == {"links": 6, "link_accuracy": 1}


def test_a_lost_link_and_a_false_one() -> None:
    truth = np.stack([columns(1, 2, 3), columns(1, 2, 4)])
    # 1 is lost, 2 is right, 3 goes on as 4, which is another object.
    assert scores(truth, np.stack([columns(7, 8, 9), columns(6, 8, 9)])) == {
        "links": 2,
        "link_accuracy": pytest.approx(1 / 3),
    }


def test_what_nobody_segmented_is_no_link() -> None:
    truth = np.stack([columns(1, 2)] * 2)
    assert scores(truth, np.stack([columns(0, 8)] * 2))["link_accuracy"] == 0.5


def test_nothing_to_link() -> None:
    assert scores(columns(1, 2)[None], columns(1, 2)[None]) == {"links": 0, "link_accuracy": None}


def test_crumbs_are_not_asked_for() -> None:
    truth = np.stack([np.repeat([1, 2], [100, 32])] * 2)
    assert scores(truth, truth)["links"] == 1


def test_agrees_with_counting_pairs() -> None:
    rng = np.random.default_rng(0)
    truth = np.stack([np.repeat(rng.permutation(12), 40) for _ in range(4)])
    prediction = np.stack([np.repeat(rng.integers(0, 6, 12), 40) for _ in range(4)])
    right = made = true = 0
    for z in range(3):
        one = dict(zip(truth[z, ::40].tolist(), prediction[z, ::40].tolist(), strict=True))
        two = dict(zip(truth[z + 1, ::40].tolist(), prediction[z + 1, ::40].tolist(), strict=True))
        for a, p in one.items():
            for b, q in two.items():
                if a and b:
                    true += a == b
                    made += p == q != 0
                    right += a == b and p == q != 0
    assert scores(truth, prediction) == {
        "links": true,
        "link_accuracy": pytest.approx(right / (true + made - right)),
    }
