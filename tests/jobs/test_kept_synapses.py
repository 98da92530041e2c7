"""What was found and what was said of it, on cells beside each other::

section 1:  1111|2222|3333     x 0..9, 10..19, 20..29
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.jobs.kept_synapses import (
    FILE,
    Pair,
    Synapse,
    keep_synapses,
    read_synapses,
    rows,
    with_answered,
)

SPACING = (50.0, 4.6, 4.6)


def cell_at(at: Any) -> int:
    return 1 + at[2] // 10


def pair(pre: Any, post: Any, sure: float = 0.8, *, directed: bool = True) -> Pair:
    return Pair(pre, post, directed, sure, 0.9, 0.95)


def synapse(*pairs: Pair, z: int = 1) -> Synapse:
    return Synapse((z, 5, 10), (z, z), 90_000.0, pairs, "" if pairs else "no two cells meet at it")


A = pair((1, 5, 8), (1, 5, 12), 0.8)
B = pair((1, 5, 22), (1, 5, 18), 0.6)
FOUND = (synapse(A, B), synapse(z=2))


def test_there_and_back(session: Any) -> None:
    assert read_synapses(session) == ()
    keep_synapses(session, FOUND)
    assert read_synapses(session) == FOUND


@pytest.mark.parametrize("change", [{"version": 99}, {"synapses": 3}, {"synapses": [{"at": [1, 2]}]}])
def test_a_file_that_cannot_be_understood_counts_as_none(session: Any, change: dict[str, Any]) -> None:
    keep_synapses(session, FOUND)
    path = session.project.folder / FILE
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    assert read_synapses(session) == ()


def test_sites_outside_of_the_stack_are_not_believed(session: Any) -> None:
    keep_synapses(session, [synapse(pair((1, 5, 8), (1, 5, 5000)))])
    assert read_synapses(session) == ()


def test_rows_name_the_cells_of_now_least_sure_first() -> None:
    first, second = rows(FOUND, {B.sites: "turned"}, cell_at)
    assert (first.number, first.pre_id, first.post_id, first.verdict) == (1, 2, 3, "turned")
    assert (first.pre_at, first.post_at) == (B.post_at, B.pre_at)
    assert (second.pre_id, second.post_id, second.is_open) == (1, 2, True)


def test_rows_follow_the_labels(session: Any, cells: Any) -> None:
    keep_synapses(session, FOUND)
    region = Region((1, 0, 0), (2, *session.volume.shape[1:]))
    session.commit(Edit("segment", "model", (Patch(region, session.volume.read(region), cells[None]),)))
    (row,) = rows([synapse(pair((1, 8, 8), (1, 8, 24)))], {}, lambda at: int(session.volume[at]))
    assert (row.pre_id, row.post_id) == (1, 2)
    after = np.where(cells == 2, 77, cells).astype(np.uint32)
    session.commit(Edit("paint", "human", (Patch(region, session.volume.read(region), after[None]),)))
    (row,) = rows([synapse(pair((1, 8, 8), (1, 8, 24)))], {}, lambda at: int(session.volume[at]))
    assert (row.pre_id, row.post_id) == (1, 77)


@pytest.mark.parametrize("verdict", ["right", "turned"])
def test_no_direction_is_known_until_somebody_says_it(verdict: str) -> None:
    unknown = pair((1, 5, 8), (1, 5, 12), directed=False)
    assert not rows([synapse(unknown)], {}, cell_at)[0].is_directed
    assert rows([synapse(unknown)], {unknown.sites: verdict}, cell_at)[0].is_directed


def anew(fresh: Any, answers: Any, sections: range = range(5)) -> Any:
    return with_answered(fresh, FOUND, answers, sections, cell_at, SPACING)


def test_an_answer_goes_to_the_pair_that_is_found_anew_nearby() -> None:
    moved = pair((1, 6, 7), (1, 4, 13), 0.7)
    (found,) = anew([synapse(moved)], {A.sites: "right"})
    assert found.pairs[0].sites == A.sites
    assert found.pairs[0].confidence == 0.7


def test_the_nearest_of_two_takes_it() -> None:
    near, nearer = pair((1, 9, 7), (1, 9, 13)), pair((1, 6, 8), (1, 6, 12))
    one, two = anew([synapse(near), synapse(nearer)], {A.sites: "wrong"})
    assert [one.pairs[0].sites, two.pairs[0].sites] == [near.sites, A.sites]


@pytest.mark.parametrize(
    "other",
    [pair((1, 5, 8), (1, 60, 12)), pair((1, 5, 18), (1, 5, 22))],
    ids=["too far away", "between other cells"],
)
def test_an_answer_goes_to_no_other_pair(other: Pair) -> None:
    found = anew([synapse(other)], {A.sites: "wrong"})
    assert [one.pairs for one in found] == [(other,)]


def test_an_answer_is_no_direction_that_was_seen() -> None:
    """It can be taken back."""
    (found,) = anew([synapse(replace(A, is_directed=False))], {A.sites: "right"})
    assert not found.pairs[0].is_directed


def test_the_other_way_round_it_keeps_the_order_that_was_answered() -> None:
    turned = pair(A.post_at, A.pre_at, 0.9)
    (found,) = anew([synapse(turned)], {A.sites: "right"})
    assert found.pairs[0].sites == A.sites
    assert not found.pairs[0].is_directed  # without the answer nobody would know
    (row,) = rows([found], {A.sites: "right"}, cell_at)
    assert (row.pre_id, row.is_directed) == (1, True)


@pytest.mark.parametrize(
    ("verdict", "stays"), [("right", True), ("turned", True), ("wrong", False), ("", False)]
)
def test_what_was_said_to_be_right_stays_where_it_is_not_found_again(verdict: str, stays: bool) -> None:
    found = anew([], {A.sites: verdict})
    assert [one.pairs for one in found] == ([(A,)] if stays else [])


def test_other_sections_stay_as_they_were() -> None:
    fresh = synapse(pair((3, 5, 8), (3, 5, 12)), z=3)
    found = anew([fresh], {A.sites: "wrong"}, range(2, 5))
    assert found == (FOUND[0], fresh)  # that of section 2 had no pair, and is not found again
    assert anew([], {}, range(2)) == (FOUND[1],)


def test_a_pair_beside_the_searched_sections_keeps_its_answer() -> None:
    twin = pair((2, 5, 8), (2, 5, 12))
    found = anew([synapse(twin, z=2)], {A.sites: "right"}, range(2, 5))
    assert [one.pairs for one in found] == [(A, B), (twin,)]
