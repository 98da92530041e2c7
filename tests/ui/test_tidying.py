"""Tidy objects in the window: what would change is shown, and done as one edit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QPushButton

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.sections import Status
from napari_emseg.settings import TidySettings
from napari_emseg.ui.flows.tidying import TidyPreview

SHAPE = (6, 48, 64)
HOLES = TidySettings(fill_holes=True)


def untidy(session: Any) -> np.ndarray:
    """Cell 1 with a hole of 4 pixels and cell 2 with a hair of 3, in sections 1 to 3; a speck of 2 pixels in section 2."""
    ids = np.zeros(SHAPE, np.uint32)
    ids[1:4, 4:44, 4:30] = 1
    ids[1:4, 20:22, 15:17] = 0
    ids[1:4, 10:30, 36:56] = 2
    ids[1:4, 15, 56:59] = 2
    ids[2, 40:42, 50] = 3
    whole = Region.full(SHAPE)
    session.commit(Edit("labels", "model", (Patch(whole, session.volume.read(whole), ids),)))
    return ids


@pytest.fixture
def tidied(desk: Any) -> Any:
    untidy(desk.session)
    desk.viewer.dims.set_current_step(0, 2)
    return desk


def picture(desk: Any) -> np.ndarray:
    layer = desk.viewer.layers["tidy (preview)"]
    assert round(layer.translate[0] / layer.scale[0]) == desk.section
    return np.asarray(layer.data)[0]


def test_what_would_change_is_shown_and_follows(tidied: Any) -> None:
    preview = TidyPreview(tidied)
    preview.show()
    assert preview.words.startswith("Choose what to tidy")
    active = tidied.viewer.layers.selection.active
    tidied.set_settings("tidy", HOLES)
    preview.look_again()
    assert preview.words == "1 object would change here, 4 pixels. Red goes, green comes."
    assert tidied.viewer.layers.selection.active is active
    shown = picture(tidied)
    assert (shown[20:22, 15:17] == 2).all()
    assert (shown > 0).sum() == 4
    speck = 2 * 40 * 8 * 8 / 1e9
    tidied.set_settings("tidy", HOLES.model_copy(update={"opening_nm": 9.0, "min_volume_um3": 1.5 * speck}))
    preview.look_again()
    assert "would go" in preview.words
    assert (picture(tidied)[15, 57:59] == 1).all()
    tidied.viewer.dims.set_current_step(0, 3)
    preview.look_again()
    assert "would go" not in preview.words
    assert not picture(tidied)[40:42, 50].any()
    tidied.session.mark(3, Status.PROOFREAD)
    preview.look_again()
    assert "stays as it is" in preview.words
    assert "tidy (preview)" not in tidied.viewer.layers
    preview.hide()
    assert preview.words == ""


def test_late_answers_show_nothing(tidied: Any, engine: Any) -> None:
    tidied.set_settings("tidy", HOLES)
    preview = TidyPreview(tidied)
    engine.hold = True
    preview.show()
    preview.look_again()  # one runs, one waits
    preview.hide()
    engine.release()
    assert "tidy (preview)" not in tidied.viewer.layers
    preview.show()
    tidied.viewer.dims.set_current_step(0, 1)
    preview.look_again()
    engine.release()
    engine.release()
    assert (picture(tidied)[20:22, 15:17] == 2).all()


def test_one_section_is_one_edit(tidied: Any) -> None:
    volume = tidied.session.volume
    tidied.do("tidy")
    assert "nothing to do yet" in tidied.sayings["proofread"].text
    tidied.set_settings("tidy", HOLES)
    tidied.do("tidy")
    assert tidied.sayings["proofread"].text.startswith("1 object tidied, 4 voxels changed in section 2")
    assert (volume[2][20:22, 15:17] == 1).all()
    assert not volume[1][20:22, 15:17].any()
    tidied.do("tidy")
    assert "Nothing in section 2" in tidied.sayings["proofread"].text
    tidied.do("undo")
    assert not volume[2][20:22, 15:17].any()


def test_the_whole_stack_goes_around_people(tidied: Any, engine: Any) -> None:
    session = tidied.session
    session.mark(1, Status.PROOFREAD)
    session.lock(2)
    tidied.set_settings("tidy", HOLES.model_copy(update={"opening_nm": 9.0}))
    tidied.tidy_all = True
    tidied.do("tidy")
    assert engine.asked[-1][0::2] == ("napari_emseg.jobs.tidy_project:run", "background")
    text = tidied.sayings["proofread"].text
    assert text.startswith("2 objects tidied, 1 of them gone,")
    assert "in the whole stack" in text
    assert not session.volume[1][20:22, 15:17].any()
    assert (session.volume[3][20:22, 15:17] == 1).all()
    assert (session.volume[3][15, 56:59] == 2).all()
    tidied.do("undo")
    assert (session.volume[2] == 3).sum() == 2


def test_a_project_that_can_only_be_read_says_so(tidied: Any) -> None:
    tidied.session.read_only = True
    tidied.set_settings("tidy", HOLES)
    tidied.do("tidy")
    assert tidied.sayings["proofread"].tone == "error"
    assert not tidied.session.volume[2][20:22, 15:17].any()


def test_the_page_by_buttons(opened: Any, qtbot: Any) -> None:
    desk = opened.desk
    untidy(desk.session)

    def press(name: str) -> None:
        button = opened.findChild(QPushButton, name)
        qtbot.waitUntil(lambda: button.isVisible() and button.isEnabled(), timeout=3000)
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    press("stage_proofread")
    press("do_show_tidy")
    page = opened.tidy_page
    assert page.isVisible()
    qtbot.waitUntil(lambda: opened.stage_area.verticalScrollBar().maximum() == 0, timeout=3000)
    assert page.minimumSizeHint().width() <= opened.stage_area.viewport().width()
    assert not page.form.editor("closing_nm").isVisible()  # folded
    with pytest.raises(KeyError):
        page.form.editor("split_parts")
    assert page.form.editor("min_volume_um3").focus_widget.decimals() == 4
    page.form.editor("fill_holes").focus_widget.click()
    qtbot.waitUntil(
        lambda: page.about.text().startswith("1 object would change here, 4 pixels"), timeout=5000
    )
    assert "tidy (preview)" in desk.viewer.layers
    choice = opened.findChild(QComboBox, "tidy_where")
    qtbot.keyClick(choice, Qt.Key.Key_Down)
    assert page.do.text() == "Tidy the whole stack"
    press("do_tidy")
    qtbot.waitUntil(lambda: "12 voxels changed in the whole stack" in page.says.text(), timeout=5000)
    qtbot.waitUntil(lambda: page.about.text() == "Nothing would change in this section.", timeout=5000)
    desk.do(page.says.saying.action)  # take that back
    assert not desk.session.volume[2][20:22, 15:17].any()
    press("close_tidy")
    assert opened.panels["proofread"].isVisible()
    assert "tidy (preview)" not in desk.viewer.layers
    press("do_show_tidy")
    press("stage_measure")
    assert "tidy (preview)" not in desk.viewer.layers
