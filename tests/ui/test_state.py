"""The words of the spine."""

from __future__ import annotations

import pytest

from napari_emseg.ui.state import STAGES, Facts, resolve

OPEN = {"has_stack": True, "voxel_size_known": True, "n_sections": 16}


def words(facts: Facts) -> dict[str, str]:
    return {state.name: state.word for state in resolve(facts)}


def test_nothing_open_sends_to_the_first_stage() -> None:
    states = {s.name: s for s in resolve(Facts())}
    assert {name: s.word for name, s in states.items()} == {
        "data": "start here", "cleanup": "needs a stack", "predict": "needs a stack", "segment": "needs a stack",
        "propagate": "needs segments", "proofread": "needs segments", "train": "needs proofread",
        "synapses": "needs segments", "measure": "needs segments", "export": "needs segments",
    }  # fmt: skip
    assert {s.needs for name, s in states.items() if name != "data"} == {"data"}
    assert [name for name, s in states.items() if s.can_start] == ["data"]


@pytest.mark.parametrize(
    ("facts", "stage", "word"),
    [
        (Facts(has_stack=True), "data", "voxel size?"),
        (Facts(**OPEN), "data", "done"),
        (Facts(**OPEN), "cleanup", "skip"),
        (Facts(**OPEN, suspicious=3), "cleanup", "3 to decide"),
        (Facts(**OPEN, is_cleaned=True), "cleanup", "cleaned"),
        (Facts(**OPEN), "predict", "ready"),
        (Facts(**OPEN, boundary_here=True), "predict", "done here"),
        (Facts(**OPEN), "propagate", "needs segments"),
        (Facts(**OPEN, labelled_sections=1), "propagate", "ready"),
        (Facts(**OPEN, labelled_sections=4, proofread=3, excluded=2), "proofread", "3 / 14"),
        (Facts(**OPEN, proofread=1), "train", "ready"),
        (Facts(**OPEN, proofread=1, candidate=True), "train", "new model"),
        (Facts(**OPEN), "synapses", "needs segments"),
        (Facts(has_stack=True, labelled_sections=1), "synapses", "needs voxel size"),
        (Facts(**OPEN, labelled_sections=1), "synapses", "ready"),
        (Facts(**OPEN, labelled_sections=1, pairs=4, pairs_answered=1), "synapses", "1 / 4"),
        (Facts(**OPEN, labelled_sections=1), "measure", "ready"),
        (Facts(**OPEN, labelled_sections=1, measured=3), "measure", "done"),
        (Facts(**OPEN, labelled_sections=1, measured=3, measured_is_old=True), "measure", "out of date"),
        (Facts(**OPEN, running={"train": 0.434}), "train", "43 %"),
        (Facts(running={"data": -1.0}), "data", "working"),
    ],
)
def test_one_word_each(facts: Facts, stage: str, word: str) -> None:
    assert words(facts)[stage] == word


def test_what_a_stage_needs_is_needed_while_it_works_too() -> None:
    working = {s.name: s for s in resolve(Facts(**OPEN, running={"proofread": -1.0}))}["proofread"]
    assert (working.word, working.tone, working.needs) == ("working", "busy", "segment")
    assert not working.can_start


def test_what_is_missing_names_the_stage_to_go_to() -> None:
    needs = {s.name: s.needs for s in resolve(Facts(**OPEN))}
    assert needs["propagate"] == "segment"
    assert needs["train"] == "proofread"


def test_numbers_count_what_is_there() -> None:
    assert [number for _, number, _ in STAGES] == list(range(1, len(STAGES) + 1))
