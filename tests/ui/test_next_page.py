"""What to proofread next, as a list in the window: a click on a line goes there."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPushButton

from napari_emseg.core.sections import Status
from napari_emseg.jobs.suggest import Suggestion, Suggestions

SECTIONS = (
    Suggestion(4, (10, 50), 0.3, 0.0, "membranes 2.0 times as unsure as usual here"),
    Suggestion(1, (30, 20), 0.1, 0.0, ""),
)
PLACES = (Suggestion(5, (24, 20), 0.4, 0.0, "unlike the 1 proofread section"),)


@pytest.fixture
def asked(opened: Any, engine: Any, qtbot: Any) -> Any:
    """The dock after *What next?* has been pressed in the stage."""
    engine.answers["napari_emseg.jobs.suggest:run"] = lambda request, progress: Suggestions(SECTIONS, PLACES)
    opened.desk.open_stage("proofread")
    button = opened.panels["proofread"].suggest
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: opened.desk.suggestions is not None)
    QTest.qWait(20)
    return opened


def lines(dock: Any) -> list[str]:
    shown = dock.next_page.list
    return [shown.item(n).text() for n in range(shown.count())]


def click(dock: Any, n: int) -> None:
    shown = dock.next_page.list
    place = shown.visualItemRect(shown.item(n)).center()
    QTest.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_all_suggestions_are_listed_with_their_reasons(asked: Any) -> None:
    assert asked.pages.current is asked.next_page
    assert lines(asked) == [
        "Sections, best first",
        "Section 4  ·  membranes 2.0 times as unsure as usual here",
        "Section 1  ·  10 % of its membranes unsure",
        "Places that differ from each other",
        "Section 5, around y 24, x 20  ·  unlike the 1 proofread section",
    ]
    assert "Section 4 would teach most" in asked.next_page.says.saying.text
    QTest.mouseClick(asked.next_page.findChild(QPushButton, "close_next"), Qt.MouseButton.LeftButton)
    assert asked.pages.current is asked.panels["proofread"]


def test_a_click_goes_there_and_says_what_to_do(asked: Any, make_labels: Any) -> None:
    click(asked, 2)
    assert asked.desk.section == 1
    saying = asked.next_page.says.saying
    assert (saying.text, saying.action) == (
        "Segment section 1, correct it, and mark the section proofread: R.",
        "segment",
    )
    asked.desk.session.commit(make_labels(asked.desk.session, (4,)))
    click(asked, 1)
    assert asked.desk.section == 4
    assert asked.next_page.says.saying.text == "Correct section 4, then mark the section proofread: R."


def test_a_place_is_shown_from_near(asked: Any, make_labels: Any) -> None:
    before = asked.desk.viewer.scene.camera.zoom
    click(asked, 4)
    assert asked.desk.section == 5
    assert asked.desk.viewer.scene.camera.zoom != before
    assert asked.next_page.says.saying.text.endswith("Only what has labels teaches.")
    asked.desk.session.commit(make_labels(asked.desk.session, (5,)))
    click(asked, 4)
    text = "Correct this place and the rest of the section, then mark the section proofread: R."
    assert asked.next_page.says.saying.text == text, "labels that nobody has looked at would teach, too"


def test_what_is_proofread_by_now_says_so(asked: Any) -> None:
    asked.desk.session.mark(4, Status.PROOFREAD)
    asked.next_page.follow()
    assert lines(asked)[1] == "Section 4  ·  proofread"
    click(asked, 0)  # a heading leads nowhere
    click(asked, 1)
    assert asked.next_page.says.saying.text == "Section 4 is proofread by now."


def test_the_list_is_there_again_without_looking_again(asked: Any, engine: Any, qtbot: Any) -> None:
    asked.desk.session.mark(4, Status.PROOFREAD)
    asked.desk.open_stage("segment")
    asked.desk.open_stage("proofread")
    asked.desk.do("suggest")
    assert asked.pages.current is asked.next_page
    assert "Section 1" not in asked.next_page.says.saying.text  # nothing stands out any more
    assert "; 1 is as good as any" in asked.next_page.says.saying.text
    looks = [function for function, *_ in engine.asked if "suggest" in function]
    assert len(looks) == 1
    QTest.mouseClick(asked.next_page.again, Qt.MouseButton.LeftButton)
    assert lines(asked) == [], "what it said before is gone while it looks"
    qtbot.waitUntil(lambda: asked.desk.suggestions is not None)
    QTest.qWait(20)
    assert len(lines(asked)) == 5


def test_another_model_has_other_suggestions(asked: Any) -> None:
    from napari_emseg.ui.flows.learning import choose

    choose(asked.desk, "membrane-isbi")
    assert asked.desk.suggestions is None


def test_another_stack_has_no_suggestions(asked: Any) -> None:
    asked.desk.clear()
    assert lines(asked) == []
