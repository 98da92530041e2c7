"""Keys come from one table, clash with nothing that napari uses here, and do what the buttons do."""

from __future__ import annotations

from typing import Any

import pytest
from app_model.types import KeyBinding

from napari_emseg.ui.actions import ACTIONS, HOLD_OVERLAYS
from napari_emseg.ui.keys import NAPARI_TOOLS, bind, sheet, unbind

# On the labels layer these mean to napari what they mean here, so they are bound there and not on the viewer.
SHARED = {"M", "Escape", "Control-Z", "Control-Shift-Z"}


def napari_keys() -> set[str]:
    """Keys of the viewer, and of image and labels layers, as napari ships them."""
    from napari.utils.shortcuts import default_shortcuts

    ours = ("labels", "plane", "contrast", "image", "label", "brush", "polygon")
    others = (
        "points",
        "shapes",
        "vectors",
        "tracks",
        "surface",
        "vertex",
        "add_",
        "select",
        "direct",
        "drawing",
    )
    return {
        str(KeyBinding.validate(key))
        for name, keys in default_shortcuts.items()
        if any(part in name for part in ours) or not any(part in name for part in others)
        for key in keys
    }


@pytest.mark.parametrize("name", [n for n, a in ACTIONS.items() if a.key and a.key not in SHARED])
def test_no_key_is_taken_from_napari(name: str) -> None:
    key = ACTIONS[name].key.replace("Control", "Ctrl")
    assert str(KeyBinding.validate(key)) not in napari_keys()


def test_no_key_is_given_twice() -> None:
    keys = [a.key for a in (*ACTIONS.values(), HOLD_OVERLAYS) if a.key]
    assert len(keys) == len(set(keys))


def test_the_targets_exist() -> None:
    import importlib

    for action in ACTIONS.values():
        module, function = action.target.split(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_the_sheet_lists_every_key() -> None:
    listed = [key for key, _, _ in sheet()]
    for action in ACTIONS.values():
        if action.key:
            assert any(action.key_words in key for key in listed)
    assert len(listed) == sum(bool(a.key) for a in ACTIONS.values()) + 1 + len(NAPARI_TOOLS)


def test_a_key_on_the_viewer_does_the_action(labelled: Any) -> None:
    from napari.utils.key_bindings import KeymapHandler

    bind(labelled)
    keys = KeymapHandler()
    keys.keymap_providers = [labelled.layers.labels, labelled.viewer]
    keys.press_key(KeyBinding.validate("."))
    assert labelled.section == 3
    keys.press_key(KeyBinding.validate("U"))
    assert labelled.tool is not None
    keys.press_key(KeyBinding.validate("H"))
    assert not labelled.layers.labels.visible
    keys.release_key(KeyBinding.validate("H"))
    assert labelled.layers.labels.visible
    assert not labelled.layers.seeds.visible
    unbind(labelled.viewer)
    keys.press_key(KeyBinding.validate("."))
    assert labelled.section == 3


def test_painting_keys_choose_the_labels_where_no_layer_with_tools_is_chosen(labelled: Any) -> None:
    from napari.utils.key_bindings import KeymapHandler

    bind(labelled)
    keys, layers = KeymapHandler(), labelled.viewer.layers
    keys.keymap_providers = [labelled.viewer]
    ours = labelled.layers.labels
    for key, mode in (("P", "paint"), ("E", "erase"), ("F", "fill"), ("L", "pick")):
        layers.selection = {ours, labelled.layers.image}
        layers.selection.active = None
        keys.press_key(KeyBinding.validate(key))
        assert (layers.selection.active, str(ours.mode)) == (ours, mode)
    points = labelled.viewer.add_points(ndim=3)
    layers.selection.active = points
    keys.press_key(KeyBinding.validate("E"))
    assert layers.selection.active is points, "it has tools of its own"


def test_painting_keys_say_why_nothing_can_be_painted(labelled: Any, monkeypatch: Any) -> None:
    from napari.utils.key_bindings import KeymapHandler

    bind(labelled)
    keys = KeymapHandler()
    keys.keymap_providers = [labelled.viewer]
    monkeypatch.setattr(labelled.session, "read_only", True)
    labelled.viewer.layers.selection.active = None
    keys.press_key(KeyBinding.validate("P"))
    assert labelled.sayings["proofread"].text.startswith("This project is read-only")


def test_napari_keys_on_the_labels_layer(labelled: Any) -> None:
    from napari.utils.key_bindings import KeymapHandler

    from napari_emseg.ui.keys import bind_layer

    bind_layer(labelled)
    keys = KeymapHandler()
    keys.keymap_providers = [labelled.layers.labels, labelled.viewer]
    keys.press_key(KeyBinding.validate("M"))
    assert labelled.layers.labels.selected_label == 3
    labelled.do("merge")
    keys.press_key(KeyBinding.validate("Escape"))
    assert labelled.tool is None
    keys.press_key(KeyBinding.validate("Escape"))  # napari's own meaning is kept
    keys.press_key(KeyBinding.validate("Ctrl+Z"))
    assert not labelled.session.can_undo


@pytest.fixture
def press(opened: Any, monkeypatch: Any) -> Any:
    """Presses keys in the window, each an hour after the one before."""
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    canvas, hours = opened.desk.viewer.window._qt_viewer.canvas.native, iter(range(99))

    def down_and_up(key: str, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
        now = 3600 * next(hours)
        monkeypatch.setattr("time.time", lambda: now)
        canvas.setFocus()
        QTest.keyClick(canvas, getattr(Qt.Key, f"Key_{key}"), modifiers)

    return down_and_up


def test_undo_brings_no_earlier_tool_back(opened: Any, press: Any) -> None:
    """napari does what a letter meant last when it comes up, however long ago that was: Z, later Ctrl+Z, took the brush up."""
    from qtpy.QtCore import Qt

    labels, ctrl = opened.desk.layers.labels, Qt.KeyboardModifier.ControlModifier
    press("P")
    press("Z")
    assert str(labels.mode) == "pan_zoom"
    press("Z", ctrl)
    assert str(labels.mode) == "pan_zoom"
    press("Z", ctrl | Qt.KeyboardModifier.ShiftModifier)
    assert str(labels.mode) == "pan_zoom"
    press("L")
    press("E")
    press("L", Qt.KeyboardModifier.ShiftModifier)
    assert str(labels.mode) == "erase"


@pytest.mark.parametrize("question", ["keys", "history", "branches", "tidy", "next"])
def test_escape_closes_a_page_from_the_canvas_and_from_within(
    opened: Any, press: Any, make_labels: Any, question: str
) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    desk = opened.desk
    desk.session.commit(make_labels(desk.session, (2,)))
    desk.layers.labels.selected_label = 1
    desk.open_stage("proofread")
    for layer in (desk.layers.labels, desk.layers.seeds, desk.layers.image):
        desk.viewer.layers.selection.active = layer
        desk.asked.emit(question)
        assert opened.pages.current not in opened.panels.values()
        press("Escape")
        assert opened.pages.current is opened.panels["proofread"]
    desk.asked.emit(question)
    page = opened.pages.current
    QTest.keyClick(page, Qt.Key.Key_Escape)
    assert opened.pages.current is opened.panels["proofread"]
    desk.asked.emit(question)
    desk.do("merge")
    desk.viewer.layers.selection.active = desk.layers.labels
    press("Escape")  # what is in the hand comes first
    assert (desk.tool, opened.pages.current) == (None, page)
    press("Escape")
    assert opened.pages.current is opened.panels["proofread"]


def test_a_painting_key_keeps_its_tool_when_it_comes_up(opened: Any, press: Any) -> None:
    labels, chosen = opened.desk.layers.labels, opened.desk.viewer.layers.selection
    press("P")
    chosen.active = opened.desk.layers.image
    press("P")
    assert (str(labels.mode), chosen.active) == ("paint", labels)
