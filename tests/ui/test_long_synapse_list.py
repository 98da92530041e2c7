"""A list of synapses that is too long for one go: read beside the window, and drawn section by section."""

from __future__ import annotations

from typing import Any

import pytest
from toy_synapses import FOUND

from napari_emseg.jobs.kept_synapses import keep_synapses
from napari_emseg.ui.flows import synapse_queue


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


def test_of_a_long_list_the_pairs_of_the_section_are_drawn(long_list: Any) -> None:
    synapse_queue.draw(long_list)
    sites, arrows, lines = long_list.layers.synapses
    seen = {}
    for z in range(5):
        long_list.viewer.dims.set_current_step(0, z)
        seen[z] = (len(sites.data), len(arrows.data), len(lines.data))
    # UNKNOWN lies in section 2, UNSURE in 2 and 3 and is drawn in both, SURE in 1
    assert seen == {0: (0, 0, 0), 1: (2, 1, 0), 2: (6, 2, 1), 3: (4, 2, 0), 4: (0, 0, 0)}
    long_list.viewer.dims.ndisplay = 3
    assert len(sites.data) == 8
    long_list.viewer.dims.ndisplay = 2
    long_list.viewer.dims.set_current_step(0, 1)
    assert len(sites.data) == 2
