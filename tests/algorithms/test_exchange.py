"""Two thin tubes among twenty that stay; both step aside by their width at once."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from napari_emseg.algorithms import section_graph
from napari_emseg.algorithms.exchange import (
    N_CLUES,
    Exchanges,
    alternatives,
    exchange,
    exchanged,
    probability,
)
from napari_emseg.algorithms.propagation import collect, track
from napari_emseg.algorithms.reunion import Joints, reunite
from napari_emseg.algorithms.strands import Pieces, join
from napari_emseg.settings import PropagateSettings

SETTINGS = PropagateSettings()
SPACING = (40.0, 4.0, 4.0)
STEP = 12
A, B = 31, 32


def tubes(n: int = 24, offset: int = 9) -> np.ndarray:
    """Discs of different sizes, and between them:

    sections 0 to 11    . A . B . . .
    sections 12 to 23  . . A . . B .
    """
    y, x = np.mgrid[:160, :200]
    stack = np.zeros((n, 160, 200), np.uint32)
    for z, section in enumerate(stack):
        for k in range(20):
            row, column = 20 + 40 * (k // 5), 20 + 40 * (k % 5)
            section[(y - row) ** 2 + (x - column) ** 2 <= (9 + k % 4) ** 2] = k + 1
        for name, column in ((A, 74), (B, 88)):
            there = column + (offset if z >= STEP else 0)
            section[(y - 80) ** 2 + (x - there) ** 2 <= 5**2] = name
    return stack


def strands_of(stack: np.ndarray) -> tuple[Pieces, np.ndarray, np.ndarray]:
    """Pieces, their strands before anything is exchanged, and whose each is."""
    graph = collect(stack, SETTINGS, SPACING)
    pieces = graph.pieces().strong
    pieces = replace(pieces, section=pieces.section - pieces.section[:1].sum())
    owner = np.concatenate([np.zeros(0, np.int64), *graph.ids])
    return pieces, reunite(pieces, join(pieces))[0], owner


def displaced() -> tuple[Pieces, np.ndarray, np.ndarray]:
    """The same where the strand of B took the continuation of A, as overlap has it; true links are a little likelier."""
    pieces, _, owner = strands_of(tubes())
    group = owner.copy()
    late = pieces.section >= STEP
    group[late & (owner == A)] = B
    group[late & (owner == B)] = 99
    odds = pieces.log_odds.copy()
    one, two = owner[pieces.u], owner[pieces.v]
    is_step = (pieces.section[pieces.u] == STEP - 1) & np.isin(one, (A, B)) & np.isin(two, (A, B))
    odds[is_step] = np.where(one == two, 2.0, 1.0)[is_step]
    return replace(pieces, log_odds=odds), group, owner


def parts(group: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(group == k).tolist()) for k in np.unique(group)}


def test_continuations_are_exchanged_so_that_nothing_ends() -> None:
    pieces, group, owner = displaced()
    found = alternatives(pieces, group)
    assert found.clues.shape == (1, N_CLUES)
    assert np.isfinite(found.clues).all()
    assert (owner[found.end].tolist(), owner[found.begin].tolist()) == ([A], [B])
    assert sorted(zip(owner[found.u].tolist(), owner[found.v].tolist(), strict=True)) == [(A, A), (B, B)]
    assert [(int(owner[k]), int(owner[m])) for k, m in zip(found.old_u, found.old_v, strict=True)] == [(B, A)]
    result, joints = exchanged(pieces, group, found, np.ones(1))
    assert parts(result) == parts(owner)
    assert joints.u.size == 2
    assert exchanged(pieces, group, found, np.zeros(1))[1].u.size == 0


def test_links_of_exchanges_are_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    def exchange_both(pieces: Pieces, group: np.ndarray) -> tuple[np.ndarray, Joints]:
        section, owner = displaced()[0].section, displaced()[2]
        u, v = (np.flatnonzero((section == z) & np.isin(owner, (A, B))) for z in (STEP - 1, STEP))
        first = np.array([np.flatnonzero(owner == k)[0] for k in owner])
        return first, Joints(u, v, np.full(2, 0.8))

    monkeypatch.setattr(section_graph, "exchange", exchange_both)
    tracks = track(tubes(), SETTINGS, SPACING)
    for before, after in pairwise(tracks.names):
        assert (before[A], before[B]) == (after[A], after[B])
    doubted = sorted(tracks.links, key=lambda k: k.confidence)[:2]
    assert {(k.a, k.b, k.section_a) for k in doubted} == {(A, A, STEP - 1), (B, B, STEP - 1)}
    assert all(k.confidence <= 0.8 for k in doubted)
    assert not [k for k in tracks.links if k.kind in ("end", "start")]


def test_where_strands_often_end_ends_are_believed() -> None:
    pieces, group, _ = displaced()
    calm = probability(alternatives(pieces, group).clues)
    disc = group <= 20
    often = alternatives(pieces, np.where(disc, group + 100 * (pieces.section > 9), group))
    assert often.end.size >= calm.size == 1
    assert probability(often.clues)[-1] < calm[0]


def test_strands_of_a_few_sections_exchange_nothing() -> None:
    pieces, group, owner = displaced()
    short = (pieces.section >= STEP) & (owner == B)
    group[short & (pieces.section >= STEP + 2)] = 100
    assert alternatives(pieces, group).end.size == 0


def test_anchors_are_neither_crossed_nor_cut() -> None:
    pieces, group, owner = displaced()
    found = alternatives(pieces, group)
    begin = np.flatnonzero((owner == A) & (pieces.section == 0))
    anchor = np.zeros(group.size, np.int64)
    anchor[begin] = 7
    anchor[(owner == A) & (pieces.section == 2 * STEP - 1)] = 8
    held = replace(pieces, anchor=anchor)
    result, joints = exchanged(held, group, found, np.ones(1))
    assert joints.u.size == 0
    assert parts(result) == parts(group)
    both = np.zeros(group.size, np.int64)
    both[(group == B) & np.isin(pieces.section, (0, 2 * STEP - 1))] = 7
    assert alternatives(replace(pieces, anchor=both), group).old_u.size == 0


@pytest.mark.parametrize("shape", [(3, 20, 20), (0, 20, 20), (1, 160, 200)])
def test_without_objects_or_in_one_section_there_is_nothing_to_exchange(shape: tuple[int, int, int]) -> None:
    stack = np.zeros(shape, np.uint32)
    stack[:1, 4:9, 4:9] = 1
    pieces, group, _ = strands_of(stack)
    found = alternatives(pieces, group)
    assert isinstance(found, Exchanges)
    assert found.clues.shape == (0, N_CLUES)
    result, joints = exchange(pieces, group)
    assert result.tolist() == group.tolist()
    assert joints.u.size == 0
