"""At 1366 x 768 the pages with the most on them fit without a scroll bar."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from qtpy.QtWidgets import QPushButton

from napari_emseg.core.sections import Status
from napari_emseg.jobs.finetune import FinetuneResult
from napari_emseg.ui.fold import Fold
from napari_emseg.ui.runner import Work

BEFORE = {"edits_per_100_objects": 13.7, "v_rand": 0.98, "v_info": 0.97}
AFTER = {"edits_per_100_objects": 10.0, "v_rand": 0.985, "v_info": 0.98}


def learn(request: Any, progress: Any) -> FinetuneResult:
    from napari_emseg.core.model_card import CARD, WEIGHTS

    for step in range(9):
        progress.report(step / 9, f"step {step}", loss=1.0 / (step + 1), seconds_left=9.0 - step)
    request.out_dir.mkdir(parents=True)
    for name in (CARD, WEIGHTS):
        (request.out_dir / name).write_bytes((request.model / name).read_bytes())
    pictures = tuple(np.full((108, 108), grey, np.uint8) for grey in (10, 120, 250))
    found = FinetuneResult(request.out_dir, 9, 1.0, (1.0, 0.5, 0.33), BEFORE, AFTER, "section 3")
    return replace(found, pictures=pictures)


def is_in_sight(dock: Any, widget: Any) -> bool:
    """Whether all of a widget is on the screen without scrolling."""
    return bool(widget.isVisible() and widget.visibleRegion().boundingRect().size() == widget.size())


def test_a_model_that_is_to_be_decided_about(opened: Any, engine: Any, qtbot: Any, make_labels: Any) -> None:
    desk = opened.desk
    desk.session.commit(make_labels(desk.session, (1, 2, 3)))
    desk.session.mark(2, Status.PROOFREAD)
    engine.answers["napari_emseg.jobs.finetune:run"] = learn
    desk.open_stage("train")
    desk.do("train")
    qtbot.waitUntil(lambda: desk.learning is not None, timeout=5000)
    panel = opened.panels["train"]
    qtbot.waitUntil(lambda: panel.accept.isVisible(), timeout=3000)
    qtbot.wait(100)
    assert opened.stage_area.verticalScrollBar().maximum() == 0
    for widget in (panel.accept, panel.discard, panel.scores, panel.pictures, panel.says):
        assert is_in_sight(opened, widget)
    assert not panel.curve.isVisible()  # it has been looked at while it grew


def test_the_unfolded_tidy_page(opened: Any, qtbot: Any, make_labels: Any) -> None:
    desk = opened.desk
    desk.session.commit(make_labels(desk.session, (1, 2, 3)))
    desk.open_stage("proofread")
    desk.asked.emit("tidy")
    page = opened.tidy_page
    for fold in page.form.findChildren(Fold):
        fold.open()
    qtbot.wait(100)
    assert opened.stage_area.verticalScrollBar().maximum() == 0
    assert page.help.isVisible()
    page.form.editor("fill_holes").focus_widget.setChecked(True)
    opened.findChild(QPushButton, "do_tidy").click()
    qtbot.waitUntil(lambda: page.says.isVisible(), timeout=3000)
    qtbot.wait(100)
    assert not page.help.isVisible()
    assert opened.stage_area.verticalScrollBar().maximum() == 0
    for widget in (page.do, page.says):
        assert is_in_sight(opened, widget)


def test_every_stage_at_1280_by_720(opened: Any, qtbot: Any) -> None:
    desk = opened.desk
    desk.viewer.window._qt_window.resize(1280, 720)
    opened.header.show_notes(())
    for stage in opened.panels:
        desk.open_stage(stage)
        qtbot.wait(60)
        assert (stage, opened.stage_area.verticalScrollBar().maximum()) == (stage, 0)


def test_seeds_by_hand_with_much_to_say(opened: Any, qtbot: Any, make_labels: Any) -> None:
    desk = opened.desk
    desk.session.commit(make_labels(desk.session, (1, 2, 3)))
    desk.open_stage("segment")
    panel = opened.panels["segment"]
    panel.by_hand.fold.open()
    desk.do("predict")
    qtbot.waitUntil(lambda: "predict" not in desk.work, timeout=5000)
    panel.join_slider.setValue(30)
    desk.say(
        "segment",
        "84 segments, 2 of them from your seeds, in section 9, 1.1 s. 1 area too thin for a seed went to a neighbour: "
        "a smaller seed depth keeps it apart.",
        tone="done", link="Next: carry the ids onwards", action="stage:propagate",
    )  # fmt: skip
    qtbot.waitUntil(lambda: panel.join_button.isVisible(), timeout=3000)
    qtbot.wait(100)
    assert opened.stage_area.verticalScrollBar().maximum() == 0
    assert is_in_sight(opened, panel.says)


def test_learning_again_leaves_the_stop_button_in_sight(
    opened: Any, engine: Any, qtbot: Any, make_labels: Any
) -> None:
    desk, panel = opened.desk, opened.panels["train"]
    desk.session.commit(make_labels(desk.session, (1, 2, 3)))
    desk.session.mark(2, Status.PROOFREAD)
    engine.answers["napari_emseg.jobs.finetune:run"] = learn
    desk.open_stage("train")
    desk.do("train")
    qtbot.waitUntil(lambda: desk.learning is not None, timeout=5000)
    desk.do("accept_model")
    qtbot.waitUntil(panel.versions.isVisible, timeout=3000)
    engine.hold = True
    desk.do("train")
    desk.worked.emit("train", Work(0.05, "looking at the model as it is", 120.0, {}))
    qtbot.waitUntil(lambda: panel.progress.isVisible() and not panel.versions.isVisible(), timeout=3000)
    qtbot.wait(100)
    assert opened.stage_area.verticalScrollBar().maximum() == 0
    assert is_in_sight(opened, panel.progress)
    engine.release()
    qtbot.waitUntil(lambda: desk.learning is not None, timeout=3000)
    desk.do("discard_model")
    qtbot.waitUntil(panel.versions.isVisible, timeout=3000)
