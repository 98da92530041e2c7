"""A list of synapses that is too long for one go: read beside the window, and drawn section by section."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_synapses import FOUND, SURE, UNKNOWN, UNSURE

from napari_emseg.jobs import kept_synapses
from napari_emseg.jobs.kept_synapses import keep_synapses
from napari_emseg.jobs.kept_synapses import rows as all_rows
from napari_emseg.proofread.merge import merge
from napari_emseg.ui.flows import synapse_queue
from napari_emseg.ui.synapses import marks


@pytest.fixture
def long_list(labelled: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same pairs, taken for many."""
    keep_synapses(labelled.session, FOUND)
    synapse_queue.take_up(labelled)
    monkeypatch.setattr("napari_emseg.jobs.kept_synapses._LONG_BYTES", 0)
    monkeypatch.setattr(synapse_queue, "_ALL_AT_ONCE", 0)
    return labelled


def test_a_long_list_is_read_in_a_thread_and_said(long_list: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = synapse_queue.rows(long_list)
    threads: list[str] = []
    real = long_list.runner.thread
    monkeypatch.setattr(
        long_list.runner, "thread", lambda key, *rest: (threads.append(key), real(key, *rest))[1]
    )
    synapse_queue.take_up(long_list)
    assert threads == ["list of synapses"]
    assert "synapses" not in long_list.work
    assert long_list.sayings["synapses"].text == "3 pairs of cells were found before."
    monkeypatch.setattr(
        "napari_emseg.ui.synapses.held.rows", lambda *a: pytest.fail("rows are looked up again")
    )
    assert synapse_queue.rows(long_list) == before


def test_what_changes_while_a_long_list_is_read_counts(
    long_list: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, real = long_list.session, synapse_queue.listed
    calls: list[int] = []

    def slow(*parts: Any) -> Any:
        found = real(*parts)
        if not calls:
            session.volume[1, 4:44, 34:60] = 9
            session.commit_stroke()
        calls.append(1)
        return found

    monkeypatch.setattr(synapse_queue, "listed", slow)
    synapse_queue.take_up(long_list)
    assert len(calls) == 2
    assert [(row.pre_id, row.post_id) for row in synapse_queue.rows(long_list)][-1] == (1, 9)


def test_of_a_long_list_the_pairs_of_the_section_are_drawn(
    long_list: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    synapse_queue.draw(long_list)
    sites, arrows, lines = long_list.layers.synapses
    seen = {}
    for z in range(5):
        long_list.viewer.dims.set_current_step(0, z)
        seen[z] = (len(sites.data), len(arrows.data), len(lines.data))
    # UNKNOWN lies in section 2, UNSURE in 2 and 3 and is drawn in both, SURE in 1
    assert seen == {0: (0, 0, 0), 1: (2, 1, 0), 2: (6, 2, 1), 3: (4, 2, 0), 4: (0, 0, 0)}
    monkeypatch.setattr(synapse_queue, "_ALL_AT_ONCE", 2)
    long_list.viewer.dims.ndisplay = 3
    assert len(sites.data) == 8
    long_list.viewer.dims.ndisplay = 2
    long_list.viewer.dims.set_current_step(0, 1)
    assert len(sites.data) == 2


def test_in_3d_synapses_near_the_chosen_pair_or_the_section_are_drawn(
    long_list: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SURE of section 1 and UNKNOWN of 2 are at one synapse, UNSURE, of 2 and 3, at another; synapses are drawn as wholes."""
    monkeypatch.setattr(synapse_queue, "_ALL_AT_ONCE", 1)
    held, answers = long_list.synapses, long_list.session.answers
    assert [len(held.places_near(answers, z, 1)) for z in range(5)] == [2, 2, 3, 1, 1]
    assert len(held.places_near(answers, 3, 2)) == 3
    long_list.viewer.dims.set_current_step(0, 4)
    long_list.viewer.dims.ndisplay = 3
    sites = long_list.layers.synapses[0]
    assert {int(z) for z in sites.data[:, 0]} == {2, 3}
    synapse_queue.look_at(long_list, SURE.sites)
    assert {int(z) for z in sites.data[:, 0]} == {1, 2}


def as_if_new(desk: Any) -> Any:
    """The rows as somebody sees them who opens the project now."""
    volume = desk.session.volume
    return all_rows(desk.synapses.found, desk.session.answers, lambda at: int(volume[at]))


def test_an_answer_changes_its_row_and_is_drawn_once(long_list: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    synapse_queue.look_at(long_list, UNSURE.sites)
    drawn: list[int] = []
    real = marks.show_pairs
    monkeypatch.setattr(marks, "show_pairs", lambda *a: (drawn.append(1), real(*a))[1])
    before = synapse_queue.rows(long_list)
    long_list.do("synapse_right")
    after = synapse_queue.rows(long_list)
    assert [a is b for a, b in zip(before, after, strict=True)] == [False, True, True]
    assert after == as_if_new(long_list)
    assert (long_list.synapses.chosen, len(drawn)) == (UNKNOWN.sites, 1)
    long_list.session.volume[5, :10, :10] = 9  # far from all sites
    long_list.session.commit_stroke()
    assert all(a is b for a, b in zip(after, synapse_queue.rows(long_list), strict=True))


def test_rows_that_follow_edits_are_those_of_a_list_looked_up_anew(long_list: Any) -> None:
    session, rng = long_list.session, np.random.default_rng(0)
    sites = [pair.sites for one in FOUND for pair in one.pairs]
    twice = replace(FOUND[0], pairs=(UNSURE,))  # two synapses may share two voxels
    long_list.synapses.put((*FOUND, twice))
    seen = set()
    for what in rng.choice(5, 80, p=(0.3, 0.3, 0.1, 0.2, 0.1)).tolist():
        if what == 0:
            verdict = ("right", "wrong", "turned")[rng.integers(3)]
            session.answer(sites[rng.integers(3)], verdict, "answer")
        elif what == 1:
            z, y, x = rng.integers((1, 0, 20), (4, 30, 34))
            session.volume[z, y : y + 15, x : x + 10] = rng.integers(0, 9)
            session.commit_stroke()
        elif what == 2 and len(ids := sorted(session.volume.present(range(1, 9)))) > 1:
            session.commit(merge(session.volume, ids[-2:]))
        elif what == 3:
            long_list.undo()
        elif what == 4:
            long_list.redo()
        expected = as_if_new(long_list)
        places = long_list.synapses.places(session.answers)
        assert [(row.sites, row.verdict) for row in places] == [(row.sites, row.verdict) for row in expected]
        assert long_list.synapses.count_answered(session.answers) == sum(
            bool(row.verdict) for row in expected
        )
        assert synapse_queue.rows(long_list) == expected
        seen |= {(row.pre_id, row.verdict) for row in expected}
    assert len(seen) > 10  # cells and answers did change


def test_cells_that_are_all_to_be_looked_up_come_from_a_thread(
    long_list: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_emseg.ui.synapses.held._MANY", 0)
    told: list[int] = []
    long_list.state_changed.connect(lambda: told.append(1))
    long_list.synapses.put(FOUND)
    assert synapse_queue.rows_soon(long_list) is None  # begun, and here at once finished
    assert told
    assert synapse_queue.rows_soon(long_list) == as_if_new(long_list)


def test_layers_of_a_long_list_come_one_by_one(long_list: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for layer in long_list.layers.synapses:
        long_list.viewer.layers.remove(layer)
    turns: list[str] = []
    real = long_list.runner.thread
    monkeypatch.setattr(
        long_list.runner, "thread", lambda key, *rest: (turns.append(key), real(key, *rest))[1]
    )
    synapse_queue.draw(long_list)
    assert turns == ["layers of synapses"] * 3
    names = [layer.name for layer in long_list.viewer.layers if layer.name.startswith("synapses")]
    assert names == ["synapses", "synapses, direction", "synapses, no direction"]
    long_list.viewer.dims.set_current_step(0, 2)
    assert len(long_list.layers.synapses[0].data) == 6


def test_other_threads_go_on_while_a_long_list_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it at one go would hold the window up for a fifth of a second."""
    one = {"at": [1, 2, 3], "sections": [1, 2], "volume_nm3": 1.0, "reason": "", "pairs": []}
    content = {"version": 1, "made": {}, "synapses": [one] * 50_000}
    (tmp_path / kept_synapses.FILE).write_text(json.dumps(content), "utf-8")
    real, is_inside, turns = json.loads, threading.Event(), 0

    def watched(*args: Any, **options: Any) -> Any:
        is_inside.set()
        try:
            return real(*args, **options)
        finally:
            is_inside.clear()

    monkeypatch.setattr(json, "loads", watched)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        reading = threading.Thread(target=kept_synapses.kept_in, args=(tmp_path,))
        reading.start()
        last = time.perf_counter()
        while reading.is_alive():
            now = time.perf_counter()
            turns += is_inside.is_set() and now - last > 5e-5  # somebody else had a turn
            last = now
    finally:
        sys.setswitchinterval(interval)
    assert turns > 10
