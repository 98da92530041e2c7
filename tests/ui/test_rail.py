"""The section rail: a cell a section, clicks go there, words in the tooltip."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import QPoint, Qt

from napari_emseg.core.sections import SectionState, Status
from napari_emseg.ui.rail import SectionRail

STATES = (
    SectionState(Status.PROOFREAD),
    SectionState(Status.PREDICTED),
    SectionState(Status.EXCLUDED, "fold"),
    SectionState(),
)


@pytest.fixture
def rail(qtbot: Any) -> SectionRail:
    made = SectionRail()
    qtbot.addWidget(made)
    made.resize(200, 34)
    made.set_states(STATES, frozenset({1}))
    made.show()
    return made


def test_a_click_goes_to_the_section(rail: SectionRail, qtbot: Any) -> None:
    for section in range(4):
        with qtbot.waitSignal(rail.picked) as picked:
            middle = rail.cell(section).center().toPoint()
            qtbot.mouseClick(rail, Qt.MouseButton.LeftButton, pos=middle)
        assert picked.args == [section]


def test_beside_the_cells_is_nowhere(rail: SectionRail, qtbot: Any) -> None:
    with qtbot.assertNotEmitted(rail.picked):
        qtbot.mouseClick(rail, Qt.MouseButton.LeftButton, pos=QPoint(198, 15))


def test_words(rail: SectionRail) -> None:
    assert rail.words(2) == "Section 2: excluded (fold)"
    assert rail.words(1) == "Section 1: predicted, has doubtful links"


def test_a_section_that_is_settled_has_no_doubts(rail: SectionRail) -> None:
    rail.set_states(STATES, frozenset({0, 1, 2}))
    assert [("doubtful" in rail.words(z)) for z in range(4)] == [False, True, False, False]


def test_colours_tell_the_states_apart(rail: SectionRail) -> None:
    picture = rail.grab().toImage()
    ratio = picture.devicePixelRatio()
    seen = set()
    for section in range(4):
        corner = rail.cell(section).bottomLeft()
        seen.add(picture.pixelColor(int((corner.x() + 5) * ratio), int((corner.y() - 3) * ratio)).name())
    assert len(seen) == 4


def test_a_thousand_sections_still_fit(rail: SectionRail) -> None:
    rail.set_states((SectionState(),) * 1000)
    assert rail.cell(999).right() <= rail.width()
    rail.grab()
