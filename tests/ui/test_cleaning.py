"""The Clean up stage: decide by key and click, preview, a cleaned copy, and everything back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.jobs.preprocess import CLEANED
from napari_emseg.preprocess.bad_sections import Suspicion
from napari_emseg.ui.flows import cleaning
from napari_emseg.ui.shown import as_it_is

PICTURE = np.full((6, 8), 90, np.uint8)


@pytest.fixture
def suspects() -> list[Suspicion]:
    return [
        Suspicion(1, "blurred", 0.7, "fine detail 40% of that around it", PICTURE),
        Suspicion(4, "missing", 1.0, "no structure at all", PICTURE),
    ]


@pytest.fixture
def looked(desk: Any, engine: Any, suspects: list[Suspicion]) -> Any:
    engine.answers["napari_emseg.jobs.preprocess:look"] = lambda request, progress: suspects
    desk.do("find_bad")
    return desk


def test_a_whole_stack_needs_nothing(desk: Any) -> None:
    """The real search, on the toy stack."""
    desk.do("find_bad")
    assert cleaning.cleaning_of(desk).found == []
    assert desk.sayings["cleanup"].text == "All 6 sections look good."


def test_leaving_out_is_an_edit_and_can_be_undone(looked: Any) -> None:
    state = cleaning.cleaning_of(looked)
    assert state.pending == [1, 4]
    cleaning.decide(looked, 4, True)
    assert looked.session.sections[4].status is Status.EXCLUDED
    assert looked.session.sections[4].reason == "missing"
    cleaning.decide(looked, 1, False)
    assert state.pending == []
    looked.undo()
    assert looked.session.sections[4].status is Status.UNSEEN
    assert state.pending == [4]


def test_searching_again_asks_for_no_decision_twice(looked: Any, suspects: list[Suspicion]) -> None:
    state = cleaning.cleaning_of(looked)
    cleaning.decide(looked, 1, False)
    looked.do("find_bad")
    assert (state.verdict(1), state.pending) == ("kept", [4])
    assert looked.sayings["cleanup"].text.endswith("1 not decided yet: leave out (Y) or keep (J).")
    cleaning.decide(looked, 4, True)
    looked.do("find_bad")
    assert looked.sayings["cleanup"].text == "2 of 6 sections look bad. You have decided on all of them."


def test_a_section_with_labels_is_not_called_unseen_when_it_is_kept_after_all(
    looked: Any, make_labels: Any
) -> None:
    looked.session.commit(make_labels(looked.session, (1,)))
    for section, status in ((1, Status.PREDICTED), (4, Status.UNSEEN)):
        cleaning.decide(looked, section, True)
        cleaning.decide(looked, section, False)
        assert looked.session.sections[section].status is status


def test_the_copy_lies_in_the_project_and_the_original_stays(looked: Any) -> None:
    desk = looked
    original = np.array(desk.session.image.data)
    cleaning.decide(desk, 4, True)
    desk.set_settings(
        "cleanup", desk.settings("cleanup").model_copy(update={"even_out": False, "contrast": "stretch"})
    )
    desk.do("clean_up")
    assert desk.sayings["cleanup"].tone == "done", desk.sayings["cleanup"]
    assert (desk.session.project.folder / CLEANED).is_dir()
    assert cleaning.is_cleaned(desk)
    assert as_it_is(desk.layers.image.data) is desk.session.image.data
    cleaned = np.asarray(desk.session.image.data[:])
    assert cleaned.max() == 255
    assert np.array_equal(cleaned[4], cleaned[3])
    assert np.array_equal(cleaning.cleaning_of(desk).original.data, original)
    desk.do("use_original")
    assert not cleaning.is_cleaned(desk)
    assert np.array_equal(desk.layers.image.data, original)
    desk.do("use_cleaned")
    assert cleaning.is_cleaned(desk)
    desk.do("forget_cleaned")
    assert not cleaning.has_copy(desk)
    assert np.array_equal(desk.session.image.data, original)
    with pytest.raises(EmsegError, match="gone"):
        cleaning.use_cleaned(desk)


def test_a_reopened_project_works_on_its_copy(desk: Any, stack: Any) -> None:
    from napari_emseg.session import Session
    from napari_emseg.ui.flows.opening import show

    desk.do("clean_up")
    folder: Path = desk.session.project.folder
    uri = desk.session.project.image.uri
    desk.clear()
    show(desk, Session.open(folder, stack))
    assert cleaning.is_cleaned(desk)
    assert desk.session.project.image.uri == uri
    # a copy that somebody has removed is said, and the original shown
    import shutil

    desk.clear()
    shutil.rmtree(folder / CLEANED)
    show(desk, Session.open(folder, stack))
    assert not cleaning.is_cleaned(desk)
    assert "gone" in desk.sayings["cleanup"].text
    assert not desk.settings("cleanup").use_cleaned


def test_the_preview_is_what_the_copy_will_hold(desk: Any, stack: Any) -> None:
    stack.data[2] = stack.data[2] // 2 + 20
    desk.viewer.dims.set_current_step(0, 2)
    cleaning.want_preview(desk, True)
    state = cleaning.cleaning_of(desk)
    assert state.overlay.section == 2
    shown = np.array(state.preview.data[0])
    assert not np.array_equal(shown, stack.data[2])
    assert state.preview.translate[0] == 2 * 40.0
    desk.do("flip_preview")
    assert not state.preview.visible
    cleaning.want_preview(desk, False)
    assert state.preview is None
    desk.do("clean_up")
    assert np.array_equal(desk.session.image.data[2], shown)


def test_stopped_or_failed_work_leaves_no_copy(desk: Any, engine: Any) -> None:
    def fails(request: Any, progress: Any) -> None:
        raise EmsegError("the disk is full", "here", "free some space")

    engine.answers["napari_emseg.jobs.preprocess:run"] = fails
    desk.do("clean_up")
    assert "disk is full" in desk.sayings["cleanup"].text
    assert not cleaning.has_copy(desk)
    assert not cleaning.is_cleaned(desk)


def test_deciding_by_key_and_click(opened: Any, engine: Any, suspects: list[Suspicion], qtbot: Any) -> None:
    engine.answers["napari_emseg.jobs.preprocess:look"] = lambda request, progress: suspects
    desk, panel = opened.desk, opened.panels["cleanup"]
    qtbot.mouseClick(opened.spine.lines["cleanup"], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(panel.look, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.list.count() == 2 and panel.list.isVisible(), timeout=5000)
    assert "section 1: blurred" in panel.list.item(0).text()
    assert desk.section == 1  # the first one is shown at once
    qtbot.waitUntil(lambda: opened.spine.lines["cleanup"].word.text() == "2 to decide", timeout=5000)
    qtbot.keyClick(panel.list, Qt.Key.Key_J)
    qtbot.waitUntil(lambda: desk.section == 4, timeout=5000)
    assert desk.session.sections[1].status is Status.UNSEEN
    qtbot.mouseClick(panel.out, Qt.MouseButton.LeftButton)
    assert desk.session.sections[4].status is Status.EXCLUDED
    assert panel.list.item(1).text().startswith("×")
    qtbot.waitUntil(lambda: panel.count.text() == "All decided", timeout=5000)


def test_letters_typed_into_a_list_go_to_the_canvas(
    opened: Any, engine: Any, suspects: list[Suspicion], qtbot: Any
) -> None:
    """All keys but Y and J were dead after a click on the list, and after each search: it has the focus then."""
    engine.answers["napari_emseg.jobs.preprocess:look"] = lambda request, progress: suspects
    desk, panel = opened.desk, opened.panels["cleanup"]
    qtbot.mouseClick(opened.spine.lines["cleanup"], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(panel.look, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.list.count() == 2 and panel.list.isVisible(), timeout=5000)
    assert not panel.list.horizontalScrollBar().isVisible()
    qtbot.keyClick(panel.list, Qt.Key.Key_Period)
    assert desk.section == 2
    qtbot.keyClick(panel.list, Qt.Key.Key_U)
    assert desk.tool is not None
    qtbot.keyClick(panel.list, Qt.Key.Key_Y)
    assert desk.session.sections[1].status is Status.EXCLUDED
    qtbot.keyClick(panel.list, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert desk.session.sections[1].status is Status.UNSEEN


@pytest.mark.parametrize("stage", ["measure", "synapses"])
def test_letters_typed_into_a_table_go_to_the_canvas(opened: Any, stage: str, qtbot: Any) -> None:
    desk = opened.desk
    desk.open_stage(stage)
    qtbot.keyClick(opened.panels[stage].table, Qt.Key.Key_Period)
    assert desk.section == 3
