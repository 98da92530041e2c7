"""The list of versions in the Train panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QListWidget, QPushButton

from napari_emseg.core.learning import FinetuneResult
from napari_emseg.core.model_card import CARD, WEIGHTS, read_card
from napari_emseg.jobs import versions
from napari_emseg.jobs.versions import Candidate
from napari_emseg.ui.version_list import VersionList


@pytest.fixture
def learned(desk: Any, model: Path, qtbot: Any) -> VersionList:
    """The list of a project in which two models learned, the second from the first."""
    for sections in ((2,), (2, 3)):
        folder = desk.session.project.models / ".candidate-x"
        folder.mkdir(parents=True)
        for file in (CARD, WEIGHTS):
            (folder / file).write_bytes((model / file).read_bytes())
        training = {"proofread_sections": list(sections)}
        card = read_card(folder).model_copy(
            update={"name": "membrane-2", "parent": desk.session.project.model, "training": training}
        )
        versions.write_card(folder, card)
        versions.accept(desk.session, Candidate(folder, FinetuneResult(folder, 1, 1.0, ()), sections))
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
