"""Names of files without blanks neither widen the dock nor cut what stands in it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_emseg.ui.long_words import NameButton, Words, breakable, short, unbroken
from napari_emseg.ui.saying import Saying
from napari_emseg.ui.says import SpeakingLine

NAME = "Übersichtsaufnahme_der_Kleinhirnrinde_Maus_17_Block_B_Stapel_03_超薄切片_" + "w" * 30
NARROW = 300  # pixels


def test_words_are_broken_behind_signs_or_after_twenty_letters() -> None:
    pieces = breakable("Edits are kept in /data/mouse_17/" + "w" * 45).split("\u200b")
    assert pieces == ["Edits are kept in /data/mouse_17/", "w" * 20, "w" * 20, "w" * 5]
    assert breakable("short words, and 12 of them: left as they are") == (
        "short words, and 12 of them: left as they are"
    )
    assert unbroken(breakable(NAME)) == NAME


def test_a_short_name_has_both_ends_and_no_letter_too_many() -> None:
    assert short("stack1", 6) == "stack1"
    assert short("a-very-long-name-of-a-stack", 13) == "a-very…-stack"
    assert {len(short(NAME, most)) for most in (13, 14)} == {13, 14}


def test_labels_are_as_narrow_as_their_place(qtbot: Any) -> None:
    label, line = Words(NAME), SpeakingLine()
    line.say(Saying(f"Membranes come from “{NAME}” now.", link="Next", action="next"))
    for one in (label, line):
        qtbot.addWidget(one)
        assert one.minimumSizeHint().width() < NARROW
    assert NAME in label.text()
    assert NAME in line.text()


def test_what_is_copied_is_what_was_said(qtbot: Any) -> None:
    label = Words(NAME)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    qtbot.addWidget(label)
    label.show()
    label.setSelection(0, len(breakable(NAME)))
    QTest.keyClick(label, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == NAME


def test_a_button_leaves_the_middle_out(qtbot: Any) -> None:
    button = NameButton()
    qtbot.addWidget(button)
    button.setToolTip("Write another layer")
    button.resize(NARROW, 30)
    button.setText(f"Take over “{NAME} & Co”")
    seen = super(NameButton, button).text()
    assert seen.startswith("Take over “Ü")
    assert "…" in seen
    assert seen.endswith("&& Co”")  # one & underlines the letter behind it
    assert button.text() in button.toolTip()
    assert "Write another layer" in button.toolTip()
    button.resize(3000, 30)
    button.setText("Work on “a”")
    assert super(NameButton, button).text() == "Work on “a”"
    assert button.toolTip() == "Write another layer"


def test_long_names_leave_the_dock_as_wide_as_it_was(
    opened: Any, qtbot: Any, model: Any, monkeypatch: Any
) -> None:
    """Of the stack, its folder, the model and another layer."""
    from dataclasses import replace

    from napari_emseg.core.model_card import CARD, ModelCard

    desk, viewer = opened.desk, opened.desk.viewer
    card = ModelCard.model_validate_json((model / CARD).read_text("utf-8"))
    folder = model.parent / NAME
    folder.mkdir()
    (folder / CARD).write_text(card.model_copy(update={"name": NAME}).model_dump_json(), "utf-8")
    (folder / "weights.safetensors").write_bytes(b"")
    desk.session.image = replace(desk.session.image, name=NAME)
    viewer.add_labels(desk.session.volume[:].copy(), name=NAME)
    for stage, panel in opened.panels.items():
        desk.open_stage(stage)
        desk.say(stage, f"Membranes come from “{NAME}” now.", tone="done")
        desk.state_changed.emit()
        qtbot.waitUntil(lambda: not opened._refresh_waits, timeout=3000)
        qtbot.wait(20)
        assert opened.minimumWidth() < 400, stage
        assert panel.width() <= opened.stage_area.viewport().width(), stage
    assert opened.header.minimumSizeHint().width() < 400
    listed = opened.panels["predict"].model
    assert any("…" in listed.itemText(n) for n in range(listed.count())), "what stands behind a name is seen"
