"""Conflicts come back from disk as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from napari_emseg.core.conflicts import FILE, Conflict, decided, load_conflicts, save_conflicts
from napari_emseg.core.edit import Answer, Region
from napari_emseg.core.sections import SectionState, Status

if TYPE_CHECKING:
    from pathlib import Path

TEXT = st.text(max_size=12).filter(lambda text: "\0" not in text and text.isprintable())
STATES = st.builds(SectionState, st.sampled_from(Status), TEXT)
IDS = st.integers(0, 2**64 - 1)


@st.composite
def conflicts(draw: st.DrawFn) -> Conflict:
    if draw(st.booleans()):
        mask = draw(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=20)))
        y, x = mask.shape
        return Conflict(3, draw(IDS), draw(IDS), Region((3, 5, 7), (4, 5 + y, 7 + x)), mask, draw(TEXT))
    states = (draw(STATES), draw(STATES))
    return Conflict(3, 0, 0, Region((3, 0, 0), (4, 9, 9)), np.zeros((0, 0), bool), draw(TEXT), states)


@given(given_conflicts=st.lists(conflicts(), min_size=1, max_size=4))
@settings(deadline=None, max_examples=60)
def test_they_come_back_as_they_were(tmp_path_factory, given_conflicts: list[Conflict]) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("project")
    save_conflicts(folder, given_conflicts)
    found = load_conflicts(folder)
    for a, b in zip(found, given_conflicts, strict=True):
        assert (a.section, a.mine, a.theirs, a.region) == (b.section, b.mine, b.theirs, b.region)
        assert (a.author, a.states, a.decision) == (b.author, b.states, b.decision)
        np.testing.assert_array_equal(a.mask, b.mask)


def test_a_reason_with_a_tab_does_not_damage_the_list(tmp_path: Path) -> None:
    states = (SectionState(Status.EXCLUDED, "fold\tleft"), SectionState(Status.PROOFREAD))
    region = Region((0, 0, 0), (1, 4, 4))
    save_conflicts(tmp_path, [Conflict(0, 0, 0, region, np.zeros((0, 0), bool), "an\tna", states)])
    (found,) = load_conflicts(tmp_path)
    assert found.author == "an na"
    assert found.states == (SectionState(Status.EXCLUDED, "fold left"), SectionState(Status.PROOFREAD))
    assert (tmp_path / FILE).is_file()


def test_what_is_undecided_stays_beside_what_is_decided(tmp_path: Path) -> None:
    region, mask = Region((3, 5, 7), (4, 8, 10)), np.ones((3, 3), bool)
    sites = (3, 5, 7, 4, 8, 10)
    said = Answer(sites, "", "wrong"), Answer(sites, "", "turned")
    both = (
        Conflict(3, 1, 2, region, mask, "anna"),
        Conflict(3, 0, 0, region, np.zeros((0, 0), bool), "anna", answers=said),
    )
    half = decided(both, 1, "theirs")
    save_conflicts(tmp_path, half)
    found = load_conflicts(tmp_path)
    assert [c.decision for c in found] == ["", "theirs"]
    assert [c.answers for c in found] == [None, said]
    save_conflicts(tmp_path, decided(half, 0, "mine"))
    assert not (tmp_path / FILE).exists()
    assert not load_conflicts(tmp_path)


def test_the_place_of_a_conflict_is_one_of_its_pixels_near_their_middle() -> None:
    corner = np.array([[1, 1, 1], [1, 0, 0], [1, 0, 0], [1, 0, 0]], bool)
    assert Conflict(3, 1, 2, Region((3, 5, 7), (4, 9, 10)), corner).place == (3, 6, 7)
