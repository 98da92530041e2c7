"""The list of versions in the Train panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QListWidget, QPushButton

from napari_emseg.core.learning import FinetuneResult
from napari_emseg.core.model_card import CARD, WEIGHTS, read_card
from napari_emseg.jobs import versions
from napari_emseg.jobs.versions import Candidate
from napari_emseg.ui.version_list import VersionList


def learn_twice(session: Any, model: Path) -> None:
    """Two models, the second from the first."""
    for sections in ((2,), (2, 3)):
        folder = session.project.models / ".candidate-x"
        folder.mkdir(parents=True)
        for file in (CARD, WEIGHTS):
            (folder / file).write_bytes((model / file).read_bytes())
        training = {"proofread_sections": list(sections)}
        card = read_card(folder).model_copy(
            update={"name": "membrane-2", "parent": session.project.model, "training": training}
        )
        versions.write_card(folder, card)
        versions.accept(session, Candidate(folder, FinetuneResult(folder, 1, 1.0, ()), sections))


@pytest.fixture
def learned(desk: Any, model: Path, qtbot: Any) -> VersionList:
    """The list of a project in which two models learned."""
    learn_twice(desk.session, model)
    made = VersionList(desk)
    qtbot.addWidget(made)
    made.show()
    made.refresh()
    return made


def lines(shown: VersionList) -> list[str]:
    found = shown.findChild(QListWidget, "versions")
    return [found.item(n).text() for n in range(found.count())]


def test_children_stand_below_their_parents_and_one_is_ticked(learned: VersionList) -> None:
    first, second, third = lines(learned)
    assert first.strip() == "membrane"
    assert "membrane-2" in second
    assert "1 section" in second
    assert third.startswith("\u2713")
    assert "2 sections" in third
    assert third.index("\u2514") > second.index("\u2514")


def test_lines_that_have_not_been_seen_get_their_room(opened: Any, model: Path, qtbot: Any) -> None:
    """The list of a project that is opened is filled before anybody looks at it."""
    desk, found = opened.desk, opened.panels["train"].versions.list
    learn_twice(desk.session, model)
    desk.state_changed.emit()
    qtbot.waitUntil(lambda: found.count() == 3, timeout=3000)
    assert not found.isVisible()
    desk.open_stage("train")
    qtbot.waitUntil(found.isVisible, timeout=3000)
    qtbot.wait(50)
    assert found.verticalScrollBar().maximum() == 0


def test_the_chosen_version_is_used(learned: VersionList, desk: Any) -> None:
    use = learned.findChild(QPushButton, "do_use_version")
    assert not use.isEnabled(), "it predicts already"
    learned.list.setCurrentRow(1)
    assert use.isEnabled()
    use.click()
    learned.refresh()
    assert Path(desk.session.model).name == "membrane-2"
    assert lines(learned)[1].startswith("\u2713")


def test_without_versions_there_is_no_list(desk: Any, qtbot: Any) -> None:
    made = VersionList(desk)
    qtbot.addWidget(made)
    made.refresh()
    assert not made.isVisible()


def test_while_a_model_waits_only_the_choice_is_shown(opened: Any, model: Path, qtbot: Any) -> None:
    """On a small screen the buttons that decide would stand below the edge of the window otherwise."""
    desk, panel = opened.desk, opened.panels["train"]
    desk.open_stage("train")
    qtbot.waitUntil(lambda: panel.form.isVisible() and panel.recipe.isVisible(), timeout=3000)
    scores = {"edits_per_100_objects": 6.0, "v_rand": 0.9, "v_info": 0.9}
    grey = np.zeros((64, 64), np.uint8)
    result = FinetuneResult(
        model, 30, 20.0, (0.3,), before=scores, after=scores, scored_on="a half", pictures=(grey, grey, grey)
    )
    desk.learning = Candidate(model, result, (2,))
    desk.learned.emit()
    desk.state_changed.emit()
    qtbot.waitUntil(panel.discard.isVisible, timeout=3000)
    assert not panel.form.isVisible()
    assert not panel.recipe.isVisible()
    bottom = panel.discard.mapTo(opened.stage_area.viewport(), panel.discard.rect().bottomLeft()).y()
    assert bottom <= opened.stage_area.viewport().height()
    desk.learning = None
    desk.state_changed.emit()
    qtbot.waitUntil(lambda: panel.form.isVisible() and panel.recipe.isVisible(), timeout=3000)
