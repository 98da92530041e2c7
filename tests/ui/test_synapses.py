"""The stage *Synapses* on the toy stack: cells 1 and 2 in sections 1 to 3, and what was found between them."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from toy_synapses import FOUND, SURE, UNKNOWN, UNSURE

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.annotations import read_annotations
from napari_emseg.jobs.kept_synapses import keep_synapses, read_synapses
from napari_emseg.jobs.predict import PredictResult
from napari_emseg.session import Session
from napari_emseg.ui.flows import synapse_queue, synapses
from napari_emseg.ui.flows.opening import show
from napari_emseg.ui.synapses.marks import EITHER, POST, PRE


@pytest.fixture
def queue(labelled: Any) -> Any:
    keep_synapses(labelled.session, FOUND)
    synapse_queue.take_up(labelled)
    return labelled


def said(desk: Any) -> dict[Any, str]:
    return {sites: verdict for sites, verdict in desk.session.answers.items() if verdict}


def drawn(layer: Any) -> list[list[float]]:
    return sorted(layer.data.tolist())


def test_there_and_back_least_sure_first(queue: Any) -> None:
    for expected in (UNSURE, UNKNOWN, SURE, UNSURE):
        queue.do("next_synapse")
        assert queue.synapses.chosen == expected.sites
    queue.do("previous_synapse")
    assert queue.synapses.chosen == SURE.sites
    assert queue.stage == "synapses"
    assert queue.section == 1
    assert "Pair 3 of 3, synapse 1, 90 % sure: 1 (orange) to 2 (blue)" in queue.sayings["synapses"].text


def test_every_answer_is_kept_and_goes_on(queue: Any) -> None:
    queue.do("next_synapse")
    queue.do("synapse_wrong")
    assert queue.synapses.chosen == UNKNOWN.sites
    assert "direction unknown: is it 1 to 2?" in queue.sayings["synapses"].text
    queue.do("turn_synapse")
    queue.do("synapse_right")
    assert said(queue) == {UNSURE.sites: "wrong", UNKNOWN.sites: "turned", SURE.sites: "right"}
    assert queue.sayings["synapses"].text == "All 3 pairs are looked at."
    rows = {row.sites: row for row in synapse_queue.rows(queue)}
    turned = rows[UNKNOWN.sites]
    assert (turned.pre_id, turned.post_id, turned.is_directed) == (2, 1, True)


def test_turning_round_twice_is_right(queue: Any) -> None:
    synapse_queue.look_at(queue, SURE.sites)
    queue.do("turn_synapse")
    synapse_queue.look_at(queue, SURE.sites)
    assert "You turned it round." in queue.sayings["synapses"].text
    queue.do("turn_synapse")
    assert said(queue) == {SURE.sites: "right"}


def test_undo_takes_an_answer_back_and_goes_to_its_pair(queue: Any) -> None:
    queue.do("next_synapse")
    queue.do("synapse_right")
    assert queue.synapses.chosen == UNKNOWN.sites
    queue.undo()
    assert (said(queue), queue.synapses.chosen) == ({}, UNSURE.sites)
    queue.redo()
    assert said(queue) == {UNSURE.sites: "right"}


def test_answers_are_there_when_the_project_is_opened_again(queue: Any) -> None:
    queue.do("next_synapse")
    queue.do("synapse_wrong")
    folder, image = queue.session.project.folder, queue.session.image
    queue.clear()
    assert queue.synapses.found == ()
    show(queue, Session.open(folder, image))
    assert [row.verdict for row in synapse_queue.rows(queue)] == ["wrong", "", ""]
    queue.undo()
    assert [row.verdict for row in synapse_queue.rows(queue)] == ["", "", ""]


def test_cells_are_those_at_the_sites_now(queue: Any, make_labels: Any) -> None:
    from napari_emseg.proofread.merge import merge

    session = queue.session
    cells = lambda: [(row.pre_id, row.post_id) for row in synapse_queue.rows(queue)]  # noqa: E731
    assert cells() == [(2, 1), (1, 2), (1, 2)]
    session.volume[1, 4:44, 34:60] = 9
    session.commit_stroke()
    assert cells() == [(2, 1), (1, 2), (1, 9)]
    session.commit(merge(session.volume, [1, 2]))
    assert cells() == [(1, 1), (1, 1), (1, 9)]
    queue.undo()
    queue.undo()
    assert cells() == [(2, 1), (1, 2), (1, 2)]
    synapse_queue.look_at(queue, UNSURE.sites)
    session.volume[2, 40, 36] = 0
    session.commit_stroke()
    synapse_queue.look_at(queue, UNSURE.sites)
    assert "no cell is at one of its sites any more" in queue.sayings["synapses"].text


def test_pairs_are_drawn_in_every_section_from_site_to_site(queue: Any) -> None:
    sites, arrows, lines = queue.layers.synapses
    assert drawn(sites) == sorted(
        [[z, y, x] for z, y, x in (SURE.pre_at, SURE.post_at, UNKNOWN.pre_at, UNKNOWN.post_at)]
        + [[z, 40, x] for z in (2, 3) for x in (27, 36)]
    )
    assert drawn(arrows) == sorted(
        [[[1, 20, 27], [0, 0, 9]], [[2, 40, 36], [0, 0, -9]], [[3, 40, 36], [0, 0, -9]]]
    )
    assert drawn(lines) == [[[2, 10, 27], [0, 0, 9]]]
    for layer in queue.layers.synapses:
        np.testing.assert_array_equal(layer.scale, queue.layers.labels.scale)
        assert layer.units == queue.layers.labels.units
    colours = {tuple(p): c for p, c in zip(sites.data.tolist(), colour_names(sites), strict=True)}
    assert (colours[SURE.pre_at], colours[SURE.post_at]) == (PRE, POST)
    assert colours[UNKNOWN.pre_at] == EITHER
    assert colours[2, 40, 36] == PRE
    assert colours[3, 40, 36] == "#00000000"  # a ring: the site lies in the section before


def colour_names(layer: Any) -> list[str]:
    names = ["#" + "".join(f"{round(255 * v):02x}" for v in c) for c in layer.face_color]
    return [name[:7] if name.endswith("ff") else name for name in names]


def test_wrong_pairs_go_from_the_stack_and_turned_ones_turn(queue: Any) -> None:
    _, arrows, lines = queue.layers.synapses
    queue.session.answer(SURE.sites, "wrong", "answer")
    queue.session.answer(UNKNOWN.sites, "turned", "answer")
    queue.synapses.chosen = None
    synapse_queue.draw(queue)
    assert [[2, 10, 36], [0, 0, -9]] in drawn(arrows)
    assert [[1, 20, 27], [0, 0, 9]] not in drawn(arrows)
    assert drawn(lines) == []
    queue.undo()
    assert drawn(lines) == [[[2, 10, 27], [0, 0, 9]]]


def test_on_and_off(queue: Any) -> None:
    synapse_queue.turn_on(queue, False)
    assert not any(layer.visible for layer in queue.layers.synapses)
    queue.do("next_synapse")
    assert not any(layer.visible for layer in queue.layers.synapses)
    synapse_queue.turn_on(queue, True)
    assert all(layer.visible for layer in queue.layers.synapses)
    assert set(queue.layers.synapses) < set(queue.layers.overlays)


def test_layers_that_a_person_removes_come_back(queue: Any) -> None:
    queue.viewer.layers.remove(queue.layers.synapses[0])
    queue.do("next_synapse")
    names = [layer.name for layer in queue.viewer.layers]
    assert sum(name.startswith("synapses") for name in names) == 3
    assert queue.viewer.layers.selection.active is queue.layers.labels


def test_refusals(labelled: Any, desk: Any) -> None:
    with pytest.raises(EmsegError, match="there are no pairs yet"):
        synapse_queue.next_pair(labelled)
    with pytest.raises(EmsegError, match="no pair is chosen"):
        synapse_queue.right(labelled)
    with pytest.raises(EmsegError, match="there are no synapses yet"):
        synapses.ask_table(labelled)


# ---------------------------------------------------------------------- finding


def cleft_at_the_membrane(request: Any, progress: Any) -> PredictResult:
    """A cleft between the cells in sections 1 and 2."""
    assert request.targets == ("cleft",)
    probability = np.zeros((1, *request.region.shape), np.float32)
    if request.region.start[0] in (1, 2):
        probability[:, :, 15:32, 29:35] = 0.9
    progress.report(0.5, "half")
    progress.partial((request.region, probability))
    return PredictResult(request.region, probability, request.targets, "CPU, 1 core", (), 0.1)


@pytest.fixture
def finding(labelled: Any, engine: Any) -> Any:
    engine.answers["napari_emseg.jobs.predict:run"] = cleft_at_the_membrane
    return labelled


def asked(engine: Any) -> list[str]:
    return [name.split(".")[-1] for name, _, _ in engine.asked]


def test_clefts_are_predicted_where_they_are_not_and_partners_found(finding: Any, engine: Any) -> None:
    finding.do("find_synapses")
    assert asked(engine) == ["predict:run"] * 3 + ["synapses_project:run"]
    assert {lane for _, _, lane in engine.asked} == {"background"}
    (found,) = read_synapses(finding.session)
    assert found.sections == (1, 2)
    (row,) = synapse_queue.rows(finding)
    assert {row.pre_id, row.post_id} == {1, 2}
    assert finding.layers.targets["cleft"].values.sections == (1, 2, 3)
    assert finding.sayings["synapses"].text.startswith("1 synapse, 1 pair of cells (1 without a direction), ")
    assert len(finding.layers.synapses[0].data) >= 2
    finding.do("find_synapses")
    assert asked(engine) == ["predict:run"] * 3 + ["synapses_project:run"] * 2
    assert not finding.work


def test_only_the_chosen_sections(finding: Any, engine: Any) -> None:
    finding.synapses.span = (3, 5)
    finding.do("find_synapses")
    assert asked(engine) == ["predict:run", "synapses_project:run"]
    assert read_synapses(finding.session) == ()
    assert finding.sayings["synapses"].text.startswith("0 synapses, 0 pairs of cells, ")


def test_an_answer_outlives_finding_anew(finding: Any) -> None:
    finding.do("find_synapses")
    finding.do("next_synapse")
    sites = finding.synapses.chosen
    finding.do("synapse_right")
    settings = finding.settings("synapses")
    finding.set_settings("synapses", settings.model_copy(update={"join_nm": 16.0}))
    finding.do("find_synapses")
    assert [(row.sites, row.verdict) for row in synapse_queue.rows(finding)] == [(sites, "right")]


def test_the_list_is_put_together_in_a_thread_and_what_is_said_meanwhile_counts(
    finding: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding.do("find_synapses")
    (first,) = synapse_queue.rows(finding)
    itself = replace(
        UNSURE, pre_at=(2, 40, 10), post_at=(2, 40, 20)
    )  # of cell 1 with itself: not found again
    keep_synapses(finding.session, (*finding.synapses.found, replace(FOUND[1], pairs=(itself,))))
    synapse_queue.take_up(finding)
    threads, real, kept = [], finding.runner.thread, []
    monkeypatch.setattr(
        finding.runner, "thread", lambda key, *rest: (threads.append(key), real(key, *rest))[1]
    )

    def keep(*parts: Any) -> None:
        kept.append(len(parts[1]))
        keep_synapses(*parts)
        if len(kept) == 1:  # the person answers while the list is put together
            finding.session.answer(itself.sites, "right", "answer")

    monkeypatch.setattr("napari_emseg.jobs.synapses_project.keep_synapses", keep)
    finding.do("find_synapses")
    assert kept == [1, 2]
    assert threads.count("synapses") >= 2
    assert {row.sites: row.verdict for row in synapse_queue.rows(finding)} == {
        first.sites: "", itself.sites: "right",
    }  # fmt: skip
    assert len(read_synapses(finding.session)) == 2


def test_an_answer_that_nobody_waits_for_any_more_is_dropped(finding: Any, engine: Any) -> None:
    engine.hold = True
    finding.do("find_synapses")
    finding.do("find_synapses")
    old, new = engine.held
    engine.held = []
    engine.hold = False
    old()
    assert asked(engine) == ["predict:run"] * 2
    new()
    assert asked(engine) == ["predict:run"] * 4 + ["synapses_project:run"]
    assert finding.synapses.n_pairs == 1


def test_stopped_just_when_an_answer_comes_nothing_follows(finding: Any, engine: Any) -> None:
    engine.hold = True
    finding.do("find_synapses")
    finding.stop("synapses")
    engine.release()
    assert asked(engine) == ["predict:run"]
    assert finding.sayings["synapses"].text.startswith("Stopped.")
    assert "synapses" not in finding.work


def test_stopping_keeps_what_was_predicted(finding: Any, engine: Any) -> None:
    from napari_emseg.core.errors import Cancelled

    def stop_at_two(request: Any, progress: Any) -> PredictResult:
        if request.region.start[0] == 2:
            raise Cancelled
        return cleft_at_the_membrane(request, progress)

    engine.answers["napari_emseg.jobs.predict:run"] = stop_at_two
    finding.do("find_synapses")
    assert finding.sayings["synapses"].text.startswith("Stopped")
    assert not finding.work
    engine.answers["napari_emseg.jobs.predict:run"] = cleft_at_the_membrane
    finding.do("find_synapses")
    assert [request.region.start[0] for name, request, _ in engine.asked if "predict" in name] == [1, 2, 2, 3]


def test_progress_goes_forwards_only(finding: Any) -> None:
    seen: list[float] = []
    finding.worked.connect(lambda stage, work: seen.append(work.fraction) if work else None)
    finding._told = type("Never", (dict,), {"get": lambda *_: (-1e9, -1.0)})()
    finding.do("find_synapses")
    assert seen[0] == -1
    assert seen[1:] == sorted(seen[1:])
    assert 0 < seen[1] < seen[-1] <= 1


def test_what_is_missing_is_said_in_a_sentence(desk: Any, make_labels: Any, monkeypatch: Any) -> None:
    from napari_emseg.jobs import synapses_project

    desk.do("find_synapses")
    said_now = desk.sayings["synapses"]
    assert said_now.text == "There are no cells yet (sections 0 to 5): segment them first."
    assert said_now.action == "stage:segment"
    desk.session.commit(make_labels(desk.session, (1, 2)))

    def missing(name: Any, *more: Any) -> Any:
        raise EmsegError("no such model", str(name))

    monkeypatch.setattr(synapses_project, "find_model", missing)
    monkeypatch.setattr(synapses_project, "bundled_name", lambda name: None)
    desk.do("find_synapses")
    said_now = desk.sayings["synapses"]
    assert said_now.text.startswith("No model here finds clefts (membrane): choose one in Predict")
    assert said_now.action == "stage:predict"
    assert not desk.work


def test_files_hold_the_answers(queue: Any, tmp_path: Any) -> None:
    queue.session.answer(UNSURE.sites, "wrong", "answer")
    queue.session.answer(UNKNOWN.sites, "turned", "answer")
    synapses.export(queue, str(tmp_path / "out.csv"))
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["pre_id"], row["post_id"], row["checked"]) for row in table] == [
        ("1", "2", "not seen"),
        ("2", "1", "turned"),
        ("2", "1", "wrong"),
    ]
    synapses.export(queue, str(tmp_path / "out.hdf"))
    assert queue.sayings["synapses"].text.startswith(
        "out.hdf: 2 pairs of partners; 1 wrong left out. It is in"
    )
    assert len(read_annotations(f"{tmp_path / 'out.hdf'}::annotations").partners) == 2


def test_files_replace_neither_the_image_nor_a_part_of_the_project(queue: Any, tmp_path: Any) -> None:
    raw = tmp_path / "raw.hdf"
    raw.write_bytes(b"all that there is")
    queue.session.image = replace(queue.session.image, uri=f"{raw}::/volumes/raw")
    with pytest.raises(EmsegError, match="this output would replace what it is made of"):
        synapses.export(queue, str(raw))
    with pytest.raises(EmsegError, match="this is inside a project"):
        synapses.export(queue, str(queue.session.project.folder / "t.csv"))
    assert raw.read_bytes() == b"all that there is"
    assert not queue.work


def test_the_voxel_size_moves_the_marks(queue: Any) -> None:
    from napari_emseg.ui.flows.opening import set_spacing

    set_spacing(queue, (50.0, 4.0, 4.0))
    for layer in queue.layers.synapses:
        np.testing.assert_array_equal(layer.scale, (50.0, 4.0, 4.0))


def test_two_people_who_answered_differently_see_the_pair(queue: Any) -> None:
    from napari_emseg.core.conflicts import Conflict
    from napari_emseg.core.edit import Answer, Region
    from napari_emseg.ui.flows import conflicts

    z, y, x = UNSURE.pre_at
    both = Answer(UNSURE.sites, "", "right"), Answer(UNSURE.sites, "", "wrong")
    box = Region((z, y, x), (z + 1, y + 1, x + 1))
    queue.session.answer(UNSURE.sites, "right", "mine")
    queue.session.add_conflicts([Conflict(z, 0, 0, box, np.zeros((0, 0), bool), "anna", answers=both)])
    queue.viewer.scene.camera.zoom = 0.05
    conflicts.look_at(queue, 0)
    assert 600 / queue.viewer.scene.camera.zoom < 2500, "nm: a cleft is seen"
    assert (queue.synapses.chosen, queue.section) == (UNSURE.sites, z)
    assert not [layer for layer in queue.viewer.layers if conflicts.MARK in layer.metadata]
    queue.do("take_theirs")
    assert said(queue) == {UNSURE.sites: "wrong"}
    queue.undo()
    assert said(queue) == {UNSURE.sites: "right"}
    assert conflicts.waiting(queue) == [0]
