"""The real window: find the button, click it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QShortcut
from qtpy.QtWidgets import QCheckBox, QPushButton

from napari_emseg.core.edit import Region
from napari_emseg.core.sections import Status
from napari_emseg.ui.fold import Fold


def click(dock: Any, qtbot: Any, name: str) -> None:
    button = dock.findChild(QPushButton, name)
    assert button is not None, name
    assert button.isVisible(), name
    assert button.isEnabled(), name
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def is_done(desk: Any, stage: str) -> bool:
    return not desk.work and stage in desk.sayings and desk.sayings[stage].tone == "done"


def test_a_new_person_is_told_what_to_do(dock: Any, qtbot: Any) -> None:
    data = dock.panels["data"]
    assert data.says.text().startswith("Start here")
    assert {b.objectName() for b in data.findChildren(QPushButton) if b.isVisible()} == {
        "do_open_phantom", "do_open_vnc", "open_file", "open_folder",
    }  # fmt: skip
    click(dock, qtbot, "stage_segment")
    assert not dock.findChild(QPushButton, "do_segment").isEnabled()
    click(dock.panels["segment"], qtbot, "needs")
    assert dock.desk.stage == "data"
    click(dock, qtbot, "help")
    assert dock.key_sheet.isVisible()
    click(dock, qtbot, "close_keys")
    assert data.isVisible()
    # a layer that the person has opened is offered for work, and its voxel size asked for
    viewer = dock.desk.viewer
    viewer.add_image(np.random.default_rng(0).integers(0, 255, (4, 40, 50)).astype(np.uint8), name="mine")
    qtbot.waitUntil(lambda: dock.panels["data"].adopt.isVisible(), timeout=3000)
    click(dock, qtbot, "adopt")
    assert dock.desk.session.image.name == "mine"
    assert len(viewer.layers) == 4
    qtbot.waitUntil(lambda: dock.spine.lines["data"].word.text() == "voxel size?", timeout=3000)
    assert dock.stage_area.verticalScrollBar().maximum() == 0
    data.sizes[0].lineEdit().selectAll()
    qtbot.keyClicks(data.sizes[0].lineEdit(), "4.0049")
    click(dock, qtbot, "use_voxel_size")  # at once, also where the field has kept the focus
    assert [size.text() for size in data.sizes] == ["4.0049 nm", "4.0049 nm", "50 nm"]
    assert dock.desk.session.image.spacing_nm == (50, 4.0049, 4.0049)
    assert tuple(viewer.layers["mine"].scale) == (50, 4.0049, 4.0049)
    qtbot.waitUntil(lambda: data.facts.rowCount() == 4, timeout=3000)
    shown = data.facts.itemAt(1).widget()
    dock.desk.state_changed.emit()
    qtbot.waitUntil(lambda: not dock._refresh_waits, timeout=3000)
    assert data.facts.itemAt(1).widget() is shown  # words that somebody marks to copy them stay marked


def test_the_loop_by_buttons(opened: Any, qtbot: Any, drag: Any) -> None:
    desk = opened.desk
    # segment
    click(opened, qtbot, "stage_segment")
    click(opened, qtbot, "do_segment")
    qtbot.waitUntil(lambda: 2 in desk.labelled and not desk.work, timeout=5000)
    qtbot.waitUntil(lambda: opened.spine.lines["segment"].word.text() == "done here", timeout=3000)
    assert len(desk.layers.seeds.data) == 2
    volume = desk.session.volume
    first, second = int(volume[2, 20, 15]), int(volume[2, 20, 45])
    # the speaking line leads on
    desk.do(opened.panels["segment"].says.saying.action)
    assert desk.stage == "propagate"
    opened.panels["propagate"].form.editor("sections").focus_widget.setValue(2)
    assert opened.panels["propagate"].button.text().startswith("Carry ids to the next 2 sections")
    click(opened, qtbot, "do_propagate")
    qtbot.waitUntil(lambda: 4 in desk.labelled and not desk.work, timeout=5000)
    assert (int(volume[4, 20, 15]), int(volume[4, 20, 45])) == (first, second)
    # merge with real clicks on the canvas
    click(opened, qtbot, "stage_proofread")
    click(opened, qtbot, "do_merge")
    drag(opened, [(20, 15)])
    drag(opened, [(20, 45)])
    assert int(volume[2, 20, 45]) == int(volume[4, 20, 45]) == first
    click(opened, qtbot, "do_undo")
    assert int(volume[2, 20, 45]) == second
    click(opened, qtbot, "do_merge")
    assert desk.tool is None
    # paint with napari's brush from our button
    click(opened, qtbot, "mode_paint")
    desk.layers.labels.selected_label = first
    drag(opened, [(20, 32), (24, 32)])
    assert int(volume[2, 20, 32]) == first
    # Ctrl-Z on napari's layer undoes across panels
    desk.layers.labels.undo()
    desk.layers.labels.undo()
    assert not volume.read(Region((3, 0, 0), (5, 48, 64))).any()
    desk.layers.labels.redo()
    desk.layers.labels.redo()
    assert int(volume[2, 20, 32]) == first
    # mark; the rail shows it and the view goes on
    qtbot.waitUntil(lambda: opened.findChild(QPushButton, "do_mark_proofread").isEnabled(), timeout=3000)
    click(opened, qtbot, "do_mark_proofread")
    assert desk.session.sections[2].status is Status.PROOFREAD
    qtbot.waitUntil(lambda: opened.rail.current == 3, timeout=3000)
    qtbot.waitUntil(lambda: "2: proofread" in opened.rail.words(2), timeout=3000)
    # what the model finds beside membranes is a box to tick
    click(opened, qtbot, "stage_predict")
    opened.findChild(QCheckBox, "also-mitochondria").click()
    assert desk.settings("predict").also == ("mitochondria",)
    click(opened, qtbot, "stage_proofread")
    # exclude asks why, inline
    click(opened, qtbot, "do_exclude")
    click(opened, qtbot, "reason_fold")
    assert desk.session.sections[3].reason == "fold"
    # the rail jumps
    qtbot.mouseClick(opened.rail, Qt.MouseButton.LeftButton, pos=opened.rail.cell(5).center().toPoint())
    assert desk.section == 5


def test_the_map_goes_again_that_only_a_look_into_predict_has_shown(
    opened: Any, qtbot: Any, make_labels: Any
) -> None:
    boundary = opened.desk.layers.boundary
    boundary.visible = False
    click(opened, qtbot, "stage_predict")
    assert boundary.visible
    click(opened, qtbot, "stage_proofread")
    assert not boundary.visible
    click(opened, qtbot, "stage_predict")
    opened.desk.do("predict")
    qtbot.waitUntil(lambda: is_done(opened.desk, "predict"), timeout=5000)
    click(opened, qtbot, "stage_segment")
    assert boundary.visible


def test_a_section_can_be_marked_while_the_next_one_is_looked_for(
    opened: Any, qtbot: Any, make_labels: Any
) -> None:
    opened.desk.session.commit(make_labels(opened.desk.session, (2,)))
    click(opened, qtbot, "stage_proofread")
    opened.desk.start("proofread", "looking for the section that would teach most")
    qtbot.waitUntil(lambda: opened.spine.lines["proofread"].word.text() == "working", timeout=3000)
    qtbot.wait(50)
    assert opened.panels["proofread"].button.isEnabled()


def test_the_manifest_adds_the_dock_and_torch_stays_out() -> None:
    """In a process of its own: what pytest has loaded must not matter. It ends with a stack open."""
    code = """
import sys
import napari
import numpy as np
from qtpy.QtTest import QTest
viewer = napari.Viewer(show=False)
_, dock = viewer.window.add_plugin_dock_widget("napari-emseg")
QTest.qWait(50)
for stage in ("predict", "segment", "propagate", "proofread", "train"):
    dock.desk.open_stage(stage)
from napari_emseg.ui import commands
commands.show_keys(viewer)
from napari_emseg.jobs import predict, segment, propagate, finetune, engine
assert "torch" not in sys.modules, "torch"
from napari_emseg.ui.flows import opening
opening.adopt(dock.desk, viewer.add_image(np.arange(3 * 20 * 20, dtype=np.uint8).reshape(3, 20, 20)))
QTest.qWait(50)
dock.desk.session.volume[1, 5:9, 5:9] = 3
print("fine", flush=True)
viewer.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout.strip().endswith("fine"), done.stderr[-2000:]
    assert done.returncode == 0, done.stderr[-2000:]


def test_folds_of_one_stage_have_names_of_their_own(dock: Any) -> None:
    for panel in dock.panels.values():
        names = [fold.button.text() for fold in panel.findChildren(Fold)]
        assert len(set(names)) == len(names), f"{panel.stage}: {names}"


def test_keys_of_another_stage_are_answered_in_the_open_panel(
    opened: Any, qtbot: Any, make_labels: Any
) -> None:
    desk = opened.desk
    desk.session.commit(make_labels(desk.session, (2,)))
    click(opened, qtbot, "stage_segment")
    panel = opened.panels["segment"]
    own = panel.says.saying.text
    opened.desk.viewer.window._qt_viewer.canvas.native.setFocus()
    desk.do("mark_proofread")
    assert panel.says.saying.text.startswith("Section 2 is proofread")
    click(opened, qtbot, "stage_propagate")
    click(opened, qtbot, "stage_segment")
    assert panel.says.saying.text == own
    # undo with the labels layer chosen would go to napari, which says nothing
    bound = desk.layers.labels.keymap
    assert {str(key) for key in bound} >= {"Ctrl+Z", "Ctrl+Shift+Z"}


def test_a_link_to_a_stage_is_shown_in_the_others_only(opened: Any, qtbot: Any) -> None:
    click(opened, qtbot, "stage_proofread")
    opened.desk.say("train", "Learned for 60 s.", tone="done", link="Decide", action="stage:train")
    says = opened.panels["proofread"].says
    assert says.saying.link == "Decide"
    says.linkActivated.emit("stage:train")
    assert opened.desk.stage == "train"
    assert opened.panels["train"].says.text() == "Learned for 60 s."


def test_a_page_comes_to_the_front_when_another_tab_hides_the_dock(opened: Any, qtbot: Any) -> None:
    from qtpy.QtWidgets import QWidget

    viewer = opened.desk.viewer
    other = viewer.window.add_dock_widget(QWidget(), name="another", area="right", tabify=True)
    other.raise_()
    qtbot.waitUntil(lambda: opened.visibleRegion().isEmpty(), timeout=5000)
    opened.desk.do("show_keys")
    qtbot.waitUntil(lambda: not opened.visibleRegion().isEmpty(), timeout=5000)
    assert opened.pages.current is opened.key_sheet
    other.raise_()
    qtbot.waitUntil(lambda: opened.visibleRegion().isEmpty(), timeout=5000)
    opened.header.help.click()  # it was shown, but nobody could see it: it is not hidden now
    qtbot.waitUntil(lambda: not opened.visibleRegion().isEmpty(), timeout=5000)
    assert opened.pages.current is opened.key_sheet
    opened.desk.do("show_keys")
    assert opened.pages.current is opened.panels[opened.desk.stage]


def press(root: Any, key: str) -> None:
    """A shortcut of the window; without a window manager Qt sends no key there."""
    found = [s for s in root.findChildren(QShortcut) if s.key().toString() == key and s.isEnabled()]
    assert len(found) == 1
    found[0].activated.emit()


def test_the_question_mark_shows_the_keys(opened: Any) -> None:
    press(opened, "?")
    assert opened.key_sheet.isVisible()
    press(opened, "?")
    assert not opened.key_sheet.isVisible()


def test_clicks_in_the_dock_leave_the_keys_to_the_canvas(opened: Any, qtbot: Any, engine: Any) -> None:
    window = opened.desk.viewer.window._qt_window
    canvas = opened.desk.viewer.window._qt_viewer.canvas.native
    click(opened, qtbot, "stage_segment")
    number = opened.panels["segment"].segments.editor("min_size_nm2").focus_widget
    number.setFocus()
    assert window.focusWidget() is number
    engine.hold = True
    click(opened, qtbot, "do_segment")  # its button cannot be used now, and no other one may get its keys
    assert window.focusWidget() is canvas
    number.setFocus()
    qtbot.keyClick(number, Qt.Key.Key_Return)
    assert window.focusWidget() is canvas


def test_work_begun_with_a_key_is_told_in_the_open_panel(opened: Any, qtbot: Any, engine: Any) -> None:
    click(opened, qtbot, "stage_predict")
    says = opened.panels["predict"].says
    engine.hold = True
    opened.desk.do("segment")
    qtbot.waitUntil(lambda: says.saying.text.startswith("Seeds & segments: "), timeout=3000)
    assert says.saying.action == "stage:segment"
    engine.hold = False
    engine.release()
    qtbot.waitUntil(lambda: not opened.desk.work, timeout=5000)
    assert says.saying.tone != "busy"


def test_the_brush_puts_another_tool_down(opened: Any, qtbot: Any, drag: Any, make_labels: Any) -> None:
    desk = opened.desk
    desk.session.commit(make_labels(desk.session, (2,)))
    click(opened, qtbot, "stage_proofread")
    click(opened, qtbot, "do_merge")
    drag(opened, [(20, 15)])
    desk.layers.labels.mode = "paint"  # as napari's own key does
    assert desk.tool is None
    assert not opened.panels["proofread"].tool_buttons["merge"].isChecked()
    assert opened.panels["proofread"].paint_buttons["paint"].isChecked()
    drag(opened, [(20, 45)])
    assert int(desk.session.volume[2, 30, 45]) == 2  # the click has painted a dot and merged nothing


def test_leaving_a_section_out_can_be_called_off(opened: Any, qtbot: Any) -> None:
    from napari_emseg.jobs.doubts import Doubt

    panel = opened.panels["proofread"]
    opened.desk.doubt = Doubt((1, 20, 15), (2, 20, 15), "same", 0.5)
    click(opened, qtbot, "stage_proofread")
    qtbot.waitUntil(panel.answers[0].isVisible, timeout=3000)
    click(opened, qtbot, "do_exclude")
    assert panel.why.question.text().startswith("Why is section 2 left out?")
    assert not panel.answers[0].isVisible()  # one question at a time
    press(panel, "Esc")
    assert not panel.why.isVisible()
    assert panel.answers[0].isVisible()
    assert opened.desk.session.sections[2].status is Status.UNSEEN
    opened.desk.viewer.dims.set_current_step(0, 4)  # the doubt is out of sight, and so are its answers
    qtbot.waitUntil(lambda: not panel.answers[0].isVisible(), timeout=3000)


def test_the_button_says_how_many_sections_there_are_to_carry_to(opened: Any, qtbot: Any) -> None:
    panel = opened.panels["propagate"]
    assert panel.button.text().startswith("Carry ids to the next 3 sections")
    opened.desk.viewer.dims.set_current_step(0, 4)
    qtbot.waitUntil(lambda: panel.button.text().startswith("Carry ids to the next 1 section "), timeout=3000)
    opened.desk.set_settings("propagate", panel.form.value.model_copy(update={"direction": "both"}))
    panel.refresh()
    assert panel.button.text().startswith("Carry ids to 5 sections before and behind")
