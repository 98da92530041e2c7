"""Groups from evidence for and against, on graphs of a handful of nodes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms import joining
from napari_emseg.algorithms.joining import contract


def groups(*edges: tuple[int, int, float], n: int, anchor: list[int] | None = None) -> list[int]:
    u, v = (np.array([e[k] for e in edges], np.int64).reshape(-1) for k in (0, 1))
    evidence = np.array([e[2] for e in edges], float)
    fixed = None if anchor is None else np.array(anchor, np.int64)
    return contract(u, v, evidence, np.ones(len(edges)), n, fixed).tolist()


def test_edges_for_join_and_edges_against_do_not() -> None:
    assert groups((0, 1, 2.0), (1, 2, -1.0), n=4) == [0, 0, 2, 3]


def test_no_edges_no_groups() -> None:
    assert groups(n=3) == [0, 1, 2]
    assert groups(n=0) == []


def test_one_doubtful_overlap_does_not_outvote_many_against() -> None:
    # Two objects, sections 0 to 3 of each: 0-1-2-3 and 4-5-6-7, certain inside; one weak link between them.
    inside = [(k, k + 1, 6.0) for k in (0, 1, 2, 4, 5, 6)]
    against = [(k, k + 5, -2.0) for k in (0, 2)]
    assert groups(*inside, (1, 6, 1.0), *against, n=8) == [0, 0, 0, 0, 4, 4, 4, 4]
    assert groups(*inside, (1, 6, 1.0), n=8) == [0] * 8


def test_strongest_first() -> None:
    # 1 fits both 0 and 2, which are apart: it goes with the better one.
    assert groups((0, 1, 1.0), (1, 2, 2.0), (0, 2, -9.0), n=3) == [0, 1, 1]


def test_of_two_certain_edges_the_better_goes_first_at_either_end() -> None:
    assert groups((0, 1, 9.0), (0, 2, 12.0), (1, 2, -50.0), n=3) == [0, 1, 0]
    assert groups((0, 2, 9.0), (1, 2, 12.0), (0, 1, -50.0), n=3) == [0, 1, 1]


def test_anchors_never_join_even_over_certain_edges() -> None:
    chain = [(0, 1, 8.0), (1, 2, 5.0), (2, 3, 8.0)]
    assert groups(*chain, n=4, anchor=[7, 0, 0, 9]) == [0, 0, 2, 2]
    assert groups(*chain, n=4, anchor=[7, 0, 0, 7]) == [0, 0, 0, 0]


def test_equal_anchors_are_one_without_an_edge() -> None:
    assert groups((0, 1, -3.0), n=3, anchor=[5, 0, 5]) == [0, 1, 0]


def test_naming_of_nodes_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    n = 30
    u, v = np.triu_indices(n, 1)
    some = rng.random(u.size) < 0.15
    u, v = u[some], v[some]
    evidence, weight = rng.normal(0, 3, u.size), rng.uniform(1, 5, u.size)
    order = rng.permutation(n)
    one = contract(u, v, evidence, weight, n)
    other = contract(order[u], order[v], evidence, weight, n)[order]
    np.testing.assert_array_equal(one[:, None] == one, other[:, None] == other)


def some_graph(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int, np.ndarray | None]:
    """Edges for and against, some parallel; in every second graph some nodes are anchors."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(100, 600))
    u, v = rng.integers(0, n, (2, 3 * n))
    apart = u != v
    u, v = u[apart], v[apart]
    anchor = np.where(rng.random(n) < 0.1, rng.integers(1, 20, n), 0) if seed % 2 else None
    return u, v, rng.normal(0.5, 2, u.size), rng.uniform(0.5, 9, u.size), n, anchor


@pytest.mark.parametrize("seed", range(12))
def test_best_edges_at_once_give_what_the_queue_gives(monkeypatch, seed: int) -> None:
    graph = some_graph(seed)
    monkeypatch.setattr(joining, "_FEW", 2)
    quick = contract(*graph)
    monkeypatch.setattr(joining, "_FEW", np.inf)
    np.testing.assert_array_equal(quick, contract(*graph))


def test_equal_edges_queue() -> None:
    # 1 is as near to 0 as to 2, which are apart: one of them gets it, not both.
    for n in (3, 3 * joining._FEW):
        edges = [
            (k + i, k + j, e) for k in range(0, n, 3) for i, j, e in ((0, 1, 2.0), (1, 2, 2.0), (0, 2, -9.0))
        ]
        assert len(set(groups(*edges, n=n))) == 2 * n // 3
