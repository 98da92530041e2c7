"""Conflicts with a colleague's corrections, decided in the real window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_emseg.core.conflicts import Conflict
from napari_emseg.core.edit import Region
from napari_emseg.session import Session
from napari_emseg.ui.conflicts_page import ConflictsPage
from napari_emseg.ui.flows import conflicts


def two_disagree(session: Session) -> None:
    """Sections 2 and 3: they have object 2 in a box that is object 1 here."""
    for z in (2, 3):
        box = Region((z, 10, 10), (z + 1, 20, 22))
        session.add_conflicts((Conflict(z, 1, 2, box, np.ones((10, 12), bool), "anna"),))


def press(dock: Any, key: Any) -> None:
    canvas = dock.desk.viewer.window._qt_viewer.canvas.native
    QTest.keyClick(canvas, key, Qt.KeyboardModifier.ShiftModifier)


def test_conflicts_are_decided_with_keys_and_one_key_too_many_changes_nothing(
    opened: Any, qtbot: Any, make_labels: Any
) -> None:
    desk, page = opened.desk, opened.conflicts_page
    desk.session.commit(make_labels(desk.session, (2, 3)))
    press(opened, Qt.Key.Key_K)
    assert "There are no conflicts" in desk.sayings[desk.stage].text
    two_disagree(desk.session)
    opened.header.followed.emit("show_conflicts")
    for number in (1, 0):  # later, and round the end
        desk.do("next_conflict")
        assert desk.conflict == number
    press(opened, Qt.Key.Key_J)
    assert (int(desk.session.volume[2, 15, 15]), desk.section) == (2, 3)
    press(opened, Qt.Key.Key_K)
    assert int(desk.session.volume[3, 15, 15]) == 1
    assert [c.decision for c in desk.session.conflicts] == ["theirs", "mine"]
    press(opened, Qt.Key.Key_J)
    assert [c.decision for c in desk.session.conflicts] == ["theirs", "mine"], "it was meant for nothing"
    qtbot.waitUntil(lambda: not page.theirs.isEnabled(), timeout=3000)
    item = page.list.visualItemRect(page.list.item(1)).center()
    qtbot.mouseClick(page.list.viewport(), Qt.MouseButton.LeftButton, pos=item)
    press(opened, Qt.Key.Key_J)
    assert [c.decision for c in desk.session.conflicts] == ["theirs", "theirs"]
    assert int(desk.session.volume[3, 15, 15]) == 2
    desk.do("undo")
    qtbot.waitUntil(lambda: desk.conflict == 1, timeout=3000)
    press(opened, Qt.Key.Key_J)
    assert int(desk.session.volume[3, 15, 15]) == 2


def test_what_was_kept_waits_again_after_undo_and_the_edit_before_it_stays(
    opened: Any, make_labels: Any
) -> None:
    desk = opened.desk
    desk.session.commit(make_labels(desk.session, (2, 3)))
    two_disagree(desk.session)
    opened.header.followed.emit("show_conflicts")
    press(opened, Qt.Key.Key_J)
    press(opened, Qt.Key.Key_K)
    assert [c.decision for c in desk.session.conflicts] == ["theirs", "mine"]
    desk.do("undo")
    assert [c.decision for c in desk.session.conflicts] == ["theirs", ""]
    assert int(desk.session.volume[2, 15, 15]) == 2, "the decision before stays"
    assert desk.conflict == 1
    desk.do("redo")
    assert [c.decision for c in desk.session.conflicts] == ["theirs", "mine"]
    desk.do("undo")
    desk.do("undo")
    assert [c.decision for c in desk.session.conflicts] == ["", ""]
    assert int(desk.session.volume[2, 15, 15]) == 1
    desk.do("undo")
    assert int(desk.session.volume[2, 15, 15]) == 0
    opened.header.followed.emit("show_conflicts")


def test_the_outline_goes_all_around_what_fills_its_box(opened: Any, make_labels: Any) -> None:
    from napari.layers.labels._labels_utils import get_contours

    desk = opened.desk
    desk.session.commit(make_labels(desk.session, (2, 3)))
    two_disagree(desk.session)
    opened.header.followed.emit("show_conflicts")
    drawn = next(layer for layer in desk.viewer.layers if layer.name == "anna, section 2")
    line = get_contours(np.asarray(drawn.data)[0], drawn.contour, 0) > 0
    on_screen = np.argwhere(line) * drawn.scale[1:] + drawn.translate[1:]
    box = on_screen / desk.layers.labels.scale[1:]
    np.testing.assert_allclose(box.min(0), (10, 10))
    np.testing.assert_allclose(box.max(0), (19, 21))
    assert opened.pages.current is opened.conflicts_page
    desk.clear()
    assert opened.pages.current is opened.panels[desk.stage], "it says what is open by then"


def test_a_section_that_is_seen_differently_has_no_outline(opened: Any, qtbot: Any) -> None:
    from napari_emseg.core.sections import SectionState, Status

    states = SectionState(Status.PREDICTED), SectionState(Status.EXCLUDED, "fold")
    whole = Region((3, 0, 0), (4, *opened.desk.session.volume.shape[1:]))
    opened.desk.session.add_conflicts((Conflict(3, 0, 0, whole, np.zeros((0, 0), bool), "anna", states),))
    opened.header.followed.emit("show_conflicts")
    page = opened.conflicts_page
    qtbot.waitUntil(lambda: "You disagree about this section" in page.says.text(), timeout=3000)
    assert page.list.item(0).text().endswith("you: segmented, anna: left out (fold)")


@pytest.mark.parametrize(
    ("zoom", "height_nm"),
    [(0.05, 1200), (5.0, 1200), (0.6, 1000), (0.3, 2000)],
    ids=["from far", "from too near", "seen", "well seen"],
)
def test_a_conflict_is_zoomed_to_unless_it_is_well_seen(desk: Any, zoom: float, height_nm: float) -> None:
    """The canvas of 600 x 800 pixels shows 12 000, 120, 1000 or 2000 nm of a stack whose pixels are 8 nm large."""
    region = Region((3, 10, 20), (4, 34, 36))
    desk.session.add_conflicts((Conflict(3, 1, 2, region, np.ones((24, 16), bool), "anna"),))
    desk.viewer.scene.camera.zoom = zoom
    desk.viewer.scene.camera.center = (0, 5000, 5000)
    conflicts.look_at(desk, 0)
    assert 600 / desk.viewer.scene.camera.zoom == pytest.approx(height_nm)
    assert desk.section == 3
    assert desk.viewer.scene.camera.center[-2:] == pytest.approx((22 * 8, 28 * 8), abs=8)


def test_a_conflict_that_an_undone_import_takes_along_is_chosen_no_longer(labelled: Any, qtbot: Any) -> None:
    session, box = labelled.session, Region((3, 10, 20), (4, 20, 32))
    here = [Conflict(3, mine, 9, box, np.ones((10, 12), bool), "anna") for mine in (1, 2)]
    session.add_conflicts(here)
    session.came_with(here[:1], session.history.last_id)
    page = ConflictsPage(labelled)
    qtbot.addWidget(page)
    conflicts.look_at(labelled, 0)
    labelled.do("undo")
    assert [conflict.mine for conflict in session.conflicts] == [2]
    labelled.do("keep_mine")
    assert labelled.sayings[labelled.stage].text.startswith("No conflict is chosen")
    assert not [layer for layer in labelled.viewer.layers if conflicts.MARK in layer.metadata]
