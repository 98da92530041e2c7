"""What cannot be done, or would be done to something that is not seen, is refused in one sentence."""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import STOPPED
from napari_emseg.core.sections import Status
from napari_emseg.jobs.doubts import Doubt, decide, remember
from napari_emseg.preprocess.bad_sections import Suspicion
from napari_emseg.session import Session
from napari_emseg.ui.flows import cleaning, learning, opening
from napari_emseg.ui.flows.doubting import next_doubt
from napari_emseg.ui.flows.opening import show
from napari_emseg.ui.following import Follower
from napari_emseg.ui.notes import notes


@pytest.fixture
def reader(labelled: Any, tmp_path: Any) -> Any:
    """The desk with a project that another window holds; that one is the first of the two."""
    holder, labelled.session = labelled.session, None  # the desk forgets it and does not close it
    labelled.layers.remove(labelled.viewer)
    show(labelled, Session.open(holder.project.folder, holder.image))
    assert labelled.session.read_only
    labelled.viewer.dims.set_current_step(0, 2)
    yield labelled
    holder.close()


def test_doubts_that_the_other_window_answers_wait_no_longer(reader: Any, qapp: Any) -> None:
    link = Doubt((1, 20, 15), (2, 20, 15), "same", 0.7)
    writer = SimpleNamespace(project=reader.session.project, read_only=False)
    follower = Follower(reader)
    told = []
    reader.state_changed.connect(lambda: told.append(reader.doubts))
    remember(writer, [link], range(6))
    follower.look()
    next_doubt(reader)
    assert reader.doubt == link
    for answer in ("accept_doubt", "reject_doubt", "decide_later"):
        reader.do(answer)
        assert "read-only" in reader.sayings["proofread"].text
    decide(writer, link, "right")
    follower.look()
    assert reader.doubt is None
    assert (told[0], told[-1]) == ({2}, frozenset())
    del told[:]
    follower.look()
    assert not told


@pytest.mark.parametrize("action", ["mark_proofread", "mark_unseen", "exclude", "grow"])
@pytest.mark.parametrize(("order", "ndisplay"), [((1, 0, 2), 2), ((2, 0, 1), 2), ((0, 1, 2), 3)])
def test_a_section_that_is_not_seen_is_not_spoken_of(
    labelled: Any, action: str, order: tuple[int, ...], ndisplay: int
) -> None:
    before = tuple(labelled.session.sections)
    labelled.viewer.dims.order = order
    labelled.viewer.dims.ndisplay = ndisplay
    labelled.do(action)
    said = labelled.sayings["proofread"]
    assert (said.tone, said.action) == ("error", "show_sections")
    assert tuple(labelled.session.sections) == before
    labelled.do("show_sections")
    labelled.do("mark_proofread")
    assert labelled.session.sections[labelled.section].status is Status.PROOFREAD or labelled.section != 2


@pytest.mark.parametrize(("order", "ndisplay"), [((1, 0, 2), 2), ((0, 1, 2), 3)])
def test_from_the_side_the_gap_under_the_mouse_is_filled(
    labelled: Any, order: tuple[int, ...], ndisplay: int
) -> None:
    volume = labelled.session.volume
    for z in (0, 5):
        volume[z, 10:20, 10:20] = 9
    labelled.session.commit_stroke()
    labelled.viewer.dims.set_current_step(0, 5)
    labelled.viewer.dims.order = order
    labelled.viewer.dims.ndisplay = ndisplay
    labelled.viewer.cursor.position = labelled.layers.labels.data_to_world((3, 15, 15))
    labelled.layers.labels.selected_label = 9
    labelled.do("interpolate")
    assert labelled.sayings["proofread"].tone == "done", labelled.sayings["proofread"]
    assert [int(volume[z, 15, 15]) for z in range(6)] == [9] * 6


@pytest.mark.parametrize("mode", ["paint", "erase", "fill", "polygon"])
def test_a_brush_is_not_taken_up_in_a_project_that_can_only_be_read(reader: Any, mode: str) -> None:
    reader.layers.labels.mode = mode  # the key of napari
    assert str(reader.layers.labels.mode) == "pan_zoom"
    said = reader.sayings["proofread"]
    assert said.tone == "error"
    assert said.text.startswith("This project is read-only, nothing can be painted")
    reader.layers.labels.mode = "pick"
    assert str(reader.layers.labels.mode) == "pick"


@pytest.mark.parametrize("action", ["segment", "propagate", "grow", "tidy", "train"])
def test_long_work_for_nothing_does_not_begin_in_a_project_that_can_only_be_read(
    reader: Any, engine: Any, action: str
) -> None:
    asked, models = len(engine.asked), reader.session.project.models
    theirs = models / ".candidate-of-the-other-window"
    theirs.mkdir(parents=True)
    (theirs / STOPPED).write_text("{}")
    reader.do(action)
    (said,) = [one for one in reader.sayings.values() if "nothing can be changed" in one.text]
    assert said.text.startswith("This project is read-only, nothing can be changed (")
    assert len(engine.asked) == asked
    assert list(models.iterdir()) == [theirs], "nobody else's learning is touched"


def test_a_folder_that_cannot_be_written_offers_a_copy(reader: Any, monkeypatch: Any) -> None:
    (note,) = [one for one in notes(reader) if one.text.startswith("Read-only")]
    assert note.action == "", "another window writes it"
    monkeypatch.setattr("napari_emseg.ui.notes.may_write", lambda *_: False)
    (note,) = [one for one in notes(reader) if one.text.startswith("Read-only")]
    assert (note.link, note.action) == ("Save a copy", "save_copy")
    monkeypatch.setattr("napari_emseg.ui.flows.asking.may_write", lambda *_: False)
    reader.do("segment")
    said = reader.sayings["segment"]
    assert said.text.endswith(": a copy on another disk can be.")
    assert said.action == "save_copy"


def test_no_new_id_in_a_project_that_can_only_be_read(reader: Any) -> None:
    reader.do("new_object")
    assert reader.sayings["proofread"].tone == "error"
    assert str(reader.layers.labels.mode) == "pan_zoom"


@pytest.mark.parametrize("action", ["undo", "redo"])
def test_what_was_not_taken_back_is_not_said_to_be(reader: Any, action: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(Session, "can_undo", True)
    monkeypatch.setattr(Session, "can_redo", True)
    reader.open_stage("measure")
    reader.do(action)
    assert "read-only" in reader.sayings["proofread"].text
    assert "measure" not in reader.sayings or "Taken back" not in reader.sayings["measure"].text


def test_undo_says_where_it_was_if_that_is_not_seen(labelled: Any) -> None:
    labelled.session.volume[1, 0, 0] = 7
    labelled.session.commit_stroke()
    labelled.viewer.dims.set_current_step(0, 1)
    labelled.do("undo")
    assert labelled.sayings[labelled.stage].text == "Taken back: paint."
    labelled.viewer.dims.set_current_step(0, 5)
    labelled.do("redo")
    assert labelled.sayings[labelled.stage].text == "Made again: paint in section 1."


def test_the_project_that_is_open_is_not_opened_a_second_time(labelled: Any) -> None:
    session = labelled.session
    opening.open_path(labelled, session.project.folder)
    assert labelled.session is session
    assert not session.read_only
    assert labelled.sayings["data"].text == "This project is open already."


def test_settings_that_cannot_be_saved_hold_and_are_said(labelled: Any, monkeypatch: Any) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    wanted = labelled.settings("seeds").model_copy(update={"min_distance_nm": 23.0})
    with monkeypatch.context() as patch:
        patch.setattr("napari_emseg.core.project.write_atomic", full)
        labelled.set_settings("seeds", wanted)
    assert labelled.sayings[labelled.stage].tone == "error"
    assert labelled.settings("seeds") == wanted
    labelled.set_settings("seeds", wanted.model_copy(update={"min_distance_nm": 24.0}))
    folder, image = labelled.session.project.folder, labelled.session.image
    labelled.clear()
    again = Session.open(folder, image)
    assert again.get_settings("seeds").min_distance_nm == 24
    again.close()


def test_strokes_that_wait_for_the_disk_are_said_to_be_saved_then(labelled: Any, monkeypatch: Any) -> None:
    with monkeypatch.context() as patch:

        def refuse(*_: Any, **__: Any) -> None:
            raise EmsegError("paint is not saved: the disk is gone", "", "put it back")

        patch.setattr(labelled.session._ledger, "commit_stroke", refuse)
        labelled.layers.labels.data[2, 0, 0] = 5
        labelled.sweep()
        assert labelled.sayings["proofread"].tone == "error"
    labelled.sweep()
    assert labelled.sayings["proofread"].text == "Everything that was painted is saved now."
    assert labelled.session.undo_name == "paint"


def test_a_brush_in_a_foreign_layer_is_said_and_leads_to_ours(labelled: Any) -> None:
    viewer = labelled.viewer
    theirs = viewer.add_labels(np.zeros((6, 48, 64), np.uint8), name="theirs")
    viewer.layers.selection.active = theirs
    theirs.mode = "paint"
    said = labelled.sayings["proofread"]
    assert said.text == "This tool changes the layer “theirs”, which is no part of the project."
    labelled.do(said.action)
    assert viewer.layers.selection.active is labelled.layers.labels
    assert str(labelled.layers.labels.mode) == "paint"
    labelled.say("proofread", "")
    viewer.layers.selection.active = theirs  # the brush is still in it
    assert labelled.sayings["proofread"].text == said.text
    viewer.layers.remove(theirs)


def test_seeds_that_were_removed_come_back_above_the_labels(labelled: Any) -> None:
    layers, viewer = labelled.layers, labelled.viewer
    viewer.layers.remove(layers.seeds)
    layers.bring_back(viewer, layers.seeds)
    assert viewer.layers.index(layers.seeds) == viewer.layers.index(layers.labels) + 1


def test_a_section_that_is_left_out_is_not_marked_proofread(labelled: Any) -> None:
    labelled.session.mark(2, Status.EXCLUDED, "fold")
    labelled.do("mark_proofread")
    said = labelled.sayings["proofread"]
    assert said.text == "This section is left out (section 2: fold): take its mark back first."
    assert labelled.session.sections[2].status is Status.EXCLUDED
    labelled.do(said.action)
    labelled.do("mark_proofread")
    assert labelled.session.sections[2].status is Status.PROOFREAD


def test_stop_stops_what_the_stage_shows(labelled: Any, monkeypatch: Any) -> None:
    """Segmenting predicts first, which is filed under another name than the stage that shows it."""
    told: list[str] = []

    class Ticket:
        def __init__(self, name: str) -> None:
            self.name = name

        def cancel(self) -> None:
            told.append(self.name)

    monkeypatch.setattr(labelled.engine, "submit", lambda name, _request, **_: Ticket(name))
    labelled.viewer.dims.set_current_step(0, 4)
    labelled.do("segment")
    labelled.stop("segment")
    assert told == ["napari_emseg.jobs.predict:run"]
    labelled.runner.close()


def test_what_cannot_be_stopped_is_not_waited_for(desk: Any, monkeypatch: Any) -> None:
    waiting: list[Any] = []
    monkeypatch.setattr(desk.runner._executor, "submit", waiting.append)
    opening.open_path(desk, "sample:phantom")
    assert "data" in desk.work
    session = desk.session
    desk.stop("data")
    assert "data" not in desk.work
    assert desk.sayings["data"].text.startswith("Stopped.")
    assert desk.session is session


def test_a_stack_whose_voxel_size_was_given_is_not_called_cleaned(desk: Any) -> None:
    cleaning.take_up(desk)
    opening.set_spacing(desk, (30.0, 5.0, 5.0))
    assert not cleaning.is_cleaned(desk)
    assert desk.cleaning.original.spacing_nm == (30, 5, 5)


@pytest.fixture
def refusing(labelled: Any, monkeypatch: Any) -> Any:
    """The desk, where the disk takes nothing any more that is to be remembered of the project."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_emseg.core.project.write_atomic", full)
    yield labelled
    monkeypatch.undo()


def test_a_voxel_size_that_the_disk_refuses_holds_until_the_window_is_closed(refusing: Any) -> None:
    with pytest.raises(EmsegError, match="No space left"):
        opening.set_spacing(refusing, (30.0, 5.0, 5.0))
    assert list(refusing.layers.labels.scale) == list(refusing.layers.image.scale) == [30, 5, 5]
    with pytest.raises(EmsegError, match="positive"):
        opening.set_spacing(refusing, (30.0, 0.0, 5.0))
    assert list(refusing.layers.labels.scale) == [30, 5, 5]


def test_a_model_that_the_disk_refuses_predicts_until_the_window_is_closed(refusing: Any, model: Any) -> None:
    refusing.do("predict")
    assert refusing.layers.boundary_map.sections
    other = shutil.copytree(model, model.parent / "other")
    learning.choose(refusing, str(other))
    assert "No space left" in refusing.sayings["predict"].text
    assert refusing.session.model == str(other)
    assert not refusing.layers.boundary_map.sections


def test_clicks_that_a_project_refuses_are_answered(opened: Any, engine: Any, qtbot: Any) -> None:
    blurred = Suspicion(4, "blurred", 0.7, "little fine detail", np.full((6, 8), 90, np.uint8))
    engine.answers["napari_emseg.jobs.preprocess:look"] = lambda request, progress: [blurred]
    desk, panel = opened.desk, opened.panels["cleanup"]
    desk.open_stage("cleanup")
    desk.do("find_bad")
    qtbot.waitUntil(lambda: panel.list.count() == 1, timeout=5000)
    desk.session.read_only = True
    panel.out.click()
    assert "read-only" in desk.sayings["cleanup"].text
    assert desk.session.sections[4].status is Status.UNSEEN
    desk.session.read_only = False
