"""The window tells of an image that is not the one that the labels were made on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QPushButton

from napari_emseg.core.stack import ImageStack
from napari_emseg.session import Session
from napari_emseg.ui.flows.opening import show


def test_it_is_said_and_stays_in_sight_until_the_labels_fit(
    dock: Any, qtbot: Any, stack: ImageStack, tmp_path: Path
) -> None:
    begun = Session.create(tmp_path / "em.emseg", stack)
    begun.volume[2, 5:9, 5:9] = 4
    begun.close()
    other = replace(stack, data=255 - stack.data, _fingerprint=[])
    show(dock.desk, Session.open(tmp_path / "em.emseg", other))
    assert "not the one on which these labels were made" in dock.desk.sayings["data"].text
    qtbot.waitUntil(
        lambda: "Not the image that the labels were made on." in dock.header.notes.text(), timeout=3000
    )
    dock.header.followed.emit("keep_image")
    qtbot.waitUntil(lambda: "Not the image" not in dock.header.notes.text(), timeout=3000)
    assert "image of the project from now on" in dock.desk.sayings["data"].text
    assert dock.findChild(QPushButton, "do_save_copy").isEnabled()
    dock.desk.clear()
    again = Session.open(tmp_path / "em.emseg", other)
    assert again.notices == []
    again.close()
