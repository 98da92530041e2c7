"""Answers of a colleague about synapses come in with the corrections, as one edit; what both answered waits for a decision.

Cells 1 and 2 in every section; three pairs, one in each, found before the two projects parted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.conflicts import load_conflicts
from napari_emseg.core.copying import copy_project
from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs.corrections import Imported, bring_in, find_corrections
from napari_emseg.jobs.kept_synapses import Pair, Synapse, how_found, keep_synapses, read_synapses
from napari_emseg.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPE = (3, 40, 40)
FOUND = tuple(
    Synapse((z, 20, 19), (z, z), 90_000.0, (Pair((z, 20, 17), (z, 20, 22), True, 0.8, 0.9, 0.9),))
    for z in range(3)
)
FIRST, SECOND, THIRD = (one.pairs[0].sites for one in FOUND)


class Two:
    """My project and the colleague's copy of it, both open."""

    def __init__(self, folder: Path) -> None:
        image = ImageStack(np.zeros(SHAPE, np.uint8), (50.0, 5.0, 5.0), "file", "toy", "")
        self.mine = Session.create(folder / "mine.emseg", image)
        cells = np.ones(SHAPE, np.uint32)
        cells[:, :, 20:] = 2
        self.mine.commit(Edit("segment", "model", (Patch(Region.full(SHAPE), np.zeros_like(cells), cells),)))
        keep_synapses(self.mine, FOUND, {"model": "cleft"})
        self.mine.save()
        copy_project(folder / "mine.emseg", folder / "theirs.emseg")
        self.theirs = Session.open(folder / "theirs.emseg", image)

    def bring(self) -> Imported:
        self.theirs.save()
        return bring_in(self.mine, find_corrections(self.mine, self.theirs.project.folder))

    @property
    def said(self) -> dict[tuple[int, ...], str]:
        return {sites: verdict for sites, verdict in self.mine.answers.items() if verdict}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    both = Two(tmp_path)
    yield both
    both.mine.close()
    both.theirs.close()


def test_answers_of_theirs_come_in_as_one_edit(two: Two) -> None:
    two.theirs.answer(FIRST, "wrong", "a")
    two.theirs.answer(SECOND, "turned", "b")
    came = two.bring()
    assert two.said == {FIRST: "wrong", SECOND: "turned"}
    assert (len(came.edit.answers), came.conflicts, came.synapses) == (2, (), None)
    two.mine.undo()
    assert two.said == {}
    two.mine.redo()
    assert two.said == {FIRST: "wrong", SECOND: "turned"}


def test_what_both_answered_stays_and_waits_for_a_decision(two: Two) -> None:
    two.mine.answer(FIRST, "right", "a")
    two.mine.answer(SECOND, "wrong", "b")
    two.theirs.answer(FIRST, "wrong", "a")
    two.theirs.answer(SECOND, "wrong", "b")
    two.theirs.answer(THIRD, "right", "c")
    (conflict,) = two.bring().conflicts
    assert two.said == {FIRST: "right", SECOND: "wrong", THIRD: "right"}
    assert conflict.words.startswith("pair at a synapse, you: right, ")
    assert conflict.words.endswith(": no pair")
    assert (conflict.section, conflict.place) == (0, FIRST[:3])
    (kept,) = load_conflicts(two.mine.project.folder)
    assert (kept.answers, kept.words) == (conflict.answers, conflict.words)
    two.mine.decide_conflict(0, "theirs")
    assert two.said[FIRST] == "wrong"
    two.mine.undo()
    assert two.said[FIRST] == "right"
    assert two.mine.conflicts[0].decision == ""
    two.mine.decide_conflict(0, "mine")
    assert two.said[FIRST] == "right"


def test_importing_again_brings_only_what_is_new_since(two: Two) -> None:
    two.theirs.answer(FIRST, "right", "a")
    two.theirs.answer(SECOND, "right", "b")
    two.bring()
    two.mine.answer(FIRST, "wrong", "c")
    two.theirs.answer(THIRD, "turned", "d")
    two.theirs.answer(SECOND, "wrong", "e")
    assert two.bring().conflicts == ()
    assert two.said == {FIRST: "wrong", SECOND: "wrong", THIRD: "turned"}
    assert find_corrections(two.mine, two.theirs.project.folder).is_nothing


def test_an_import_that_was_taken_back_can_be_made_again(two: Two) -> None:
    two.theirs.answer(FIRST, "right", "a")
    two.bring()
    two.mine.undo()
    two.bring()
    assert two.said == {FIRST: "right"}


def test_what_they_took_back_is_not_brought_in(two: Two) -> None:
    two.theirs.answer(FIRST, "right", "a")
    two.theirs.undo()
    assert find_corrections(two.mine, two.theirs.project.folder).is_nothing


def test_a_second_pair_of_a_synapse_that_is_known_comes_with_its_answer(two: Two) -> None:
    known = FOUND[0].pairs[0]
    two.mine.volume[:, :, :10] = two.theirs.volume[:, :, :10] = 3
    for session in (two.mine, two.theirs):
        session.commit_stroke()
    second, silent = (
        replace(known, post_at=(0, 20, 5)),
        replace(known, pre_at=(0, 20, 30), post_at=(0, 20, 8)),
    )
    keep_synapses(two.theirs, (replace(FOUND[0], pairs=(known, second, silent)), *FOUND[1:]))
    for pair in (known, second):
        two.theirs.answer(pair.sites, "right", "a")
    two.bring()
    assert {pair.sites for one in read_synapses(two.mine) for pair in one.pairs} == {
        FIRST, SECOND, THIRD, second.sites
    }  # fmt: skip


def test_pairs_that_only_they_have_found_come_with_their_answers(two: Two) -> None:
    """One was found here too, 25 nm beside: it becomes theirs. One is new, and one that they called wrong is no loss."""
    near, new, wrong = (
        Pair((2, y, x), (2, y, x + 5), True, 0.7, 0.8, 0.9) for y, x in ((25, 17), (25, 2), (5, 2))
    )
    two.mine.volume[:, :, :10] = two.theirs.volume[:, :, :10] = 3
    for session in (two.mine, two.theirs):
        session.commit_stroke()
    there = (*FOUND[:2], *(Synapse((2, 20, 19), (2, 2), 1e5, (pair,)) for pair in (near, new, wrong)))
    keep_synapses(two.theirs, there)
    for pair, verdict in ((near, "right"), (new, "turned"), (wrong, "wrong")):
        two.theirs.answer(pair.sites, verdict, "a")
    came = two.bring()
    found = read_synapses(two.mine)
    assert came.synapses == found
    assert {pair.sites for one in found for pair in one.pairs} == {FIRST, SECOND, near.sites, new.sites}
    assert len(found) == 4
    assert {two.mine.answers[pair.sites] for pair in (near, new)} == {"right", "turned"}
    assert how_found(two.mine.project.folder) == {"model": "cleft"}
    assert replace(found[0], pairs=()) == replace(FOUND[0], pairs=())
