"""The window that tests share: as new before each of them, and what is not is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from one_window import OneWindow, state_of
from qtpy.QtWidgets import QDialog, QLabel


def test_what_a_test_leaves_is_put_away(viewer: Any, the_window: OneWindow) -> None:
    new = state_of(viewer)
    viewer.add_labels(np.zeros((2, 3, 4, 5), np.uint8), name="left", scale=(9, 9, 9, 9)).mode = "paint"
    viewer.dims.ndisplay = 3
    viewer.dims.order = (1, 0, 2, 3)
    viewer.scene.camera.zoom = 9.0
    viewer.canvas.grid.enabled = True
    viewer.theme, viewer.title, viewer.help = "light", "left", "left"
    viewer.window.add_dock_widget(QLabel("left"), name="left", area="left")
    viewer.window._qt_window.resize(900, 700)
    QLabel("beside").setObjectName("left")
    assert len({name.split()[0] for name, one in state_of(viewer).items() if one != new.get(name)}) > 9
    assert the_window.put_back(failed=False) == []
    assert state_of(viewer) == new
    assert the_window.viewer is viewer


def test_what_cannot_be_put_away_is_named(viewer: Any) -> None:
    new = state_of(viewer)

    def hear(event: object) -> None: ...

    def drag(viewer: object, event: object) -> None: ...

    viewer.dims.events.current_step.connect(hear)
    viewer.bind_key("Q", hear)
    viewer.mouse_drag_callbacks.append(drag)
    dialog = QDialog()
    dialog.show()
    now = state_of(viewer)
    assert {name for name, one in now.items() if one != new.get(name)} == {
        "our listeners dims", "keys", "callbacks drag", "windows beside",
    }  # fmt: skip
    viewer.dims.events.current_step.disconnect(hear)
    viewer.bind_key("Q", None)
    viewer.mouse_drag_callbacks.remove(drag)
    dialog.close()
    assert state_of(viewer) == new


def test_napari_does_not_write_the_settings_of_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    from napari.settings import get_settings

    saved: list[bool] = []
    settings = get_settings()
    monkeypatch.setattr(type(settings), "save", lambda *_, **__: saved.append(True))
    as_it_was = settings.application.playback_fps
    settings.application.playback_fps = as_it_was + 1
    settings.application.playback_fps = as_it_was
    assert saved == []
