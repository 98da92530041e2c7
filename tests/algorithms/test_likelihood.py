"""Two voters with one hidden layer of two: everything can be worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from napari_emseg.algorithms.evidence import CLUES
from napari_emseg.algorithms.likelihood import Network, network, read_networks, write_networks
from napari_emseg.algorithms.reunion import N_CLUES


@pytest.fixture
def small() -> Network:
    weights = (
        np.array([[[1, -1], [0, 2]], [[0, 0], [1, 0]]], np.float32),  # (voters, inputs, outputs)
        np.array([[[1], [1]], [[3], [0]]], np.float32),
    )
    biases = (np.array([[[0, 0]], [[0.5, 0]]], np.float32), np.array([[[0]], [[-1]]], np.float32))
    return Network(np.array([10.0, 0.0]), np.array([2.0, 1.0]), weights, biases)


def test_votes_are_rectified_layers_and_their_mean(small: Network) -> None:
    # (12, 1) is (1, 1) in standard deviations: the first votes 1 + 1, the second 3 * 1.5 - 1.
    # (10, -1) is (0, -1): the first votes 0 + 0, the second 3 * 0 - 1.
    assert small.log_odds(np.array([[12.0, 1.0], [10.0, -1.0]])) == pytest.approx([2.75, -0.5])


def test_what_was_never_seen_counts_as_six_standard_deviations(small: Network) -> None:
    far, farther = small.log_odds(np.array([[22.0, 0.0], [1e9, 0.0]]))
    assert far == farther


def test_no_pairs_no_odds(small: Network) -> None:
    assert small.log_odds(np.zeros((0, 2))).shape == (0,)


def test_networks_are_read_as_they_were_written(small: Network) -> None:
    found = read_networks(write_networks({"one": small, "two": small}))
    assert sorted(found) == ["one", "two"]
    rows = np.array([[12.0, 1.0], [10.0, -1.0], [3.0, 0.25]])
    assert found["two"].log_odds(rows) == pytest.approx(small.log_odds(rows))


def test_the_order_in_memory_does_not_matter(small: Network) -> None:
    turned = tuple(np.ascontiguousarray(w.swapaxes(1, 2)).swapaxes(1, 2) for w in small.weights)
    assert not turned[0].flags["C_CONTIGUOUS"]
    found = read_networks(write_networks({"one": replace(small, weights=turned)}))["one"]
    assert [w.tolist() for w in found.weights] == [w.tolist() for w in small.weights]


@pytest.mark.parametrize(("name", "clues"), [("pairs", len(CLUES)), ("reunion", N_CLUES)])
def test_shipped_networks_take_the_clues_that_there_are(name: str, clues: int) -> None:
    assert network(name).mean.shape == (clues,)
    assert network(name).weights[0].shape[1] == clues


@pytest.mark.parametrize("n", [0, 1, 47, 48, 49, 96 * 48, 10_000])
def test_an_answer_does_not_depend_on_how_many_are_asked_for(n: int) -> None:
    asked = network("pairs")
    clues = asked.mean + asked.spread * np.random.default_rng(n).normal(0, 2, (n, asked.mean.size))
    odds = asked.log_odds(clues)
    assert odds.shape == (n,)
    for k in range(0, n, 997):
        assert odds[k] == pytest.approx(asked.log_odds(clues[k : k + 1])[0], rel=1e-4, abs=1e-4)
