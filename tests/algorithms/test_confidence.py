"""How sure links of hand-made objects are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_emseg.algorithms.confidence import confidence, traits
from napari_emseg.algorithms.likelihood import network
from napari_emseg.algorithms.propagation import collect
from napari_emseg.algorithms.strands import Pieces, join
from napari_emseg.settings import PropagateSettings

SETTINGS = PropagateSettings()
SPACING = (50.0, 4.0, 4.0)


def cells(n: int = 6) -> np.ndarray:
    """Twelve squares side by side through all sections."""
    stack = np.zeros((n, 80, 100), np.uint32)
    for section in stack:
        for k in range(12):
            row, column = 4 + 25 * (k // 4), 4 + 24 * (k % 4)
            section[row : row + 20, column : column + 20] = k + 1
    return stack


def test_plain_columns_are_sure() -> None:
    pieces = collect(cells(), SETTINGS, SPACING).pieces()
    group = join(pieces)
    sure = confidence(pieces, group)
    assert sure[group[pieces.u] == group[pieces.v]].min() > 0.95


def test_a_pair_that_was_not_joined_says_what_it_says_by_itself() -> None:
    pieces = collect(cells(), SETTINGS, SPACING).pieces()
    alone = np.arange(pieces.area.size)
    np.testing.assert_allclose(confidence(pieces, alone), 1 / (1 + np.exp(-pieces.log_odds)))


def test_a_joined_pair_listens_to_both_judges_alike() -> None:
    pieces = collect(cells(), SETTINGS, SPACING).pieces()
    group = join(pieces)
    joined = group[pieces.u] == group[pieces.v]
    within = network("confidence").log_odds(traits(pieces, group))
    odds = np.log(confidence(pieces, group) / (1 - confidence(pieces, group)))
    np.testing.assert_allclose(odds[joined], ((within + pieces.log_odds) / 2)[joined], atol=1e-6)


def test_links_say_how_sure_they_are_among_all_sections() -> None:
    """And not how sure the pair of sections would be by itself, which is one minus the cost."""
    graph = collect(cells(), SETTINGS, SPACING)
    pieces = graph.pieces()
    sure = confidence(pieces, join(pieces))
    named = np.concatenate([ids + 100 * z for z, ids in enumerate(graph.ids)])
    wanted = {
        (u, v): value
        for u, v, value in zip(named[pieces.u].tolist(), named[pieces.v].tolist(), sure.tolist(), strict=True)
    }
    links = [k for k in graph.tracks(None).links if k.kind == "same"]
    assert len(links) == 5 * 12
    said = [k.confidence for k in links]
    np.testing.assert_allclose(
        said, [wanted[100 * k.section_a + k.a, 100 * k.section_b + k.b] for k in links]
    )
    assert not np.allclose(said, [1 - k.cost for k in links], atol=1e-6)


def test_a_rival_makes_a_link_less_sure() -> None:
    pieces = collect(cells(3), SETTINGS, SPACING).pieces()
    group = join(pieces)
    doubtful = replace(pieces, log_odds=np.full(pieces.u.size, 1.0))
    k = int(np.flatnonzero(group[pieces.u] == group[pieces.v])[0])
    stranger = int(
        np.flatnonzero((pieces.section == pieces.section[pieces.v[k]]) & (group != group[pieces.u[k]]))[0]
    )
    more = {"u": pieces.u[k], "v": stranger, "log_odds": 0.9, "shared": pieces.shared[k]}
    rivalled = replace(
        doubtful,
        **{name: np.append(getattr(doubtful, name), value) for name, value in more.items()},
        clues=np.concatenate([pieces.clues, pieces.clues[k : k + 1]]),
    )
    assert confidence(rivalled, group)[k] < confidence(doubtful, group)[k]


def test_traits_fit_the_network_whatever_the_direction() -> None:
    rng = np.random.default_rng(3)
    stack = np.stack(
        [np.kron(rng.permutation(20).reshape(4, 5) + 1, np.ones((15, 14), int)) for _ in range(4)]
    ).astype(np.uint32)
    ahead, back = (collect(s, SETTINGS, SPACING).pieces() for s in (stack, stack[::-1]))
    one, two = (traits(p, np.zeros(p.area.size, np.int64)) for p in (ahead, back))
    assert one.shape[1] == network("confidence").mean.size
    # Rows come in another order.
    np.testing.assert_allclose(*(k[np.lexsort(np.round(k, 3).T)] for k in (one, two)), atol=1e-3)
    empty = collect(np.zeros((2, 9, 9), np.uint32), SETTINGS, SPACING).pieces()
    assert confidence(empty, np.zeros(0, np.int64)).size == 0


def test_traits_of_links_drawn_by_hand() -> None:
    """Five pieces: 0 goes on in 1 and 4, and 1 in 3, one object; 2 lies between 0 and 3 and is another's.

    ::

        section 0      0
                    2 /|1 \\ 0.25
        section 1    1 2   4
                 1.5  \\| 0.5
        section 2      3
    """
    no = np.zeros(0)
    pieces = Pieces(
        section=np.array([0, 1, 1, 2, 1]), area=np.array([100.0, 60, 80, 120, 20]), rim=np.zeros(5),
        u=np.array([0, 0, 0, 1, 2]), v=np.array([1, 2, 4, 3, 3]), log_odds=np.array([2, 1, 0.25, 1.5, 0.5]),
        shared=np.ones(5), clues=np.arange(10, dtype=np.float32).reshape(5, 2), side_u=no.astype(int),
        side_v=no.astype(int), side=no, anchor=np.zeros(5, int), pixel_nm=4.0, place=np.zeros((5, 2)),
        move=np.zeros((5, 2)), texture=np.zeros((5, 2), np.float32),
    )  # fmt: skip
    first, between, _, second, _ = traits(pieces, np.array([0, 0, 1, 0, 0]))
    none, size = -9, [np.log(300), np.log(60 * 4.0**2)]
    area, part = np.log([60, 100]), [np.log(0.75), 0]
    # Odds; what leads elsewhere, what else agrees, what comes before and after, each the lower first; ...
    np.testing.assert_allclose(
        first, [2, none, 1, none, 0.25, none, 1.5, *area, *part, 2 - 1, 2 - none, *size, 0, 1]
    )
    area = np.log([60, 120])
    np.testing.assert_allclose(
        second, [1.5, none, 0.5, none, none, none, 2, *area, *part, 1.5 - 0.5, 1.5 - none, *size, 6, 7]
    )
    np.testing.assert_allclose(between[13:15], [np.log(300), np.log(80 * 4.0**2)])
