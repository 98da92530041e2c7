"""One window of napari for all tests that need no fresh one: made once, and as new before each of them.

To make and close a window costs more than what most tests do in it. What a test leaves is put away; where the window
then differs from a new one, that test fails, and the next one gets another window.
"""

from __future__ import annotations

import gc
import json
from collections import Counter
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QWidget

from napari_emseg.ui.docked import Docked

SIZE = (1366, 768)
_NAME = "one_window"
_TEXTS = ("theme", "title", "help", "status", "mouse_over_canvas")


class OneWindow:
    """The window, and what it was like when it was new."""

    def __init__(self) -> None:
        self.viewer: Any = None
        self._app: Any = None
        self._models: dict[str, Any] = {}
        self._texts: dict[str, Any] = {}
        self._corners: dict[Any, Any] = {}
        self._beside: set[QWidget] = set()
        self._layout: Any = None
        self._new: dict[str, str] = {}

    def take(self, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
        """The viewer as new; while the test runs, napari's model of the program is that of this window."""
        from napari._app_model._app import NapariApplication, _napari_names
        from napari._qt.qt_viewer import QtViewer
        from napari._qt.threads.status_checker import StatusChecker

        if self._app is None:
            self._app = NapariApplication(_NAME)
            self._app.injection_store.namespace = _napari_names
        # as napari's own fixture does
        monkeypatch.setattr(NapariApplication, "get_app_model", lambda *_: self._app)
        monkeypatch.setattr(StatusChecker, "start", lambda *_: None)
        monkeypatch.setattr(QtViewer, "_get_console", _no_console)
        if self.viewer is None:
            self._make(qtbot)
        return self.viewer

    def _make(self, qtbot: Any) -> None:
        from napari import Viewer
        from napari._qt._qapp_model.qactions import init_qactions
        from napari._qt.qt_viewer import QtViewer
        from napari.plugins import _initialize_plugins
        from napari.settings import get_settings

        get_settings().reset()
        _initialize_plugins.cache_clear()
        init_qactions.cache_clear()
        self.viewer = viewer = Viewer(show=True, show_welcome_screen=False)
        window = viewer.window._qt_window
        QtViewer._instances.discard(viewer.window._qt_viewer)  # napari's fixture would take it for a leak
        qtbot.wait_exposed(window, timeout=5000)
        window.resize(*SIZE)
        _turn()
        self._models = {name: model.model_dump() for name, model in _models(viewer).items()}
        self._texts = {name: getattr(viewer, name) for name in _TEXTS}
        self._corners = {corner: window.corner(corner) for corner in Qt.Corner}
        self._beside = set(QApplication.topLevelWidgets())
        # what napari makes for the first layer of a kind stays
        viewer.add_image(np.zeros((2, 2, 2)))
        viewer.add_points(np.zeros((1, 3)))
        _turn()
        viewer.add_labels(np.zeros((2, 2, 2), np.uint8)).mode = "paint"
        _turn()
        self._layout = window.saveState()
        self._tidy_up()
        self._new = state_of(viewer)
        gc.collect()
        gc.freeze()  # napari collects garbage after every layer that goes: what stays need not be searched

    def put_back(self, failed: bool) -> list[str]:
        """After a test: put away what it has left; what is not as new then, in words."""
        if self.viewer is None:
            return []
        if failed:
            self.close()
            return []
        self._tidy_up()
        now = state_of(self.viewer)
        wrong = [
            f"{name} is {now.get(name)}, was {self._new.get(name)}"
            for name in sorted({*now, *self._new})
            if now.get(name) != self._new.get(name)
        ]
        if wrong:
            self.close()
        return wrong

    def _tidy_up(self) -> None:
        from napari._qt.dialogs.qt_notification import NapariQtNotification
        from napari.settings import get_settings

        viewer, window = self.viewer, self.viewer.window._qt_window
        for told in window.findChildren(NapariQtNotification):
            told.close()
            told.deleteLater()
        viewer.layers.selection.clear()
        viewer.layers.clear()
        for name, dock in list(viewer.window._wrapped_dock_widgets.items()):
            if isinstance(inner := dock.widget(), Docked):
                inner.shut_down()
            # as napari removes it, but with what is in it, whose hundreds of widgets else get another look once more
            viewer.window._wrapped_dock_widgets.pop(name, None)
            window.removeDockWidget(dock)
            dock.deleteLater()
        for one in QApplication.topLevelWidgets():
            if one not in self._beside and not one.isVisible():
                one.deleteLater()  # else Python would do that whenever it finds time
        _turn()
        for name, model in _models(viewer).items():
            model.update(self._models[name])
        for name, text in self._texts.items():
            setattr(viewer, name, text)
        for corner, area in self._corners.items():
            window.setCorner(corner, area)
        window.resize(*SIZE)
        window.restoreState(self._layout)
        if (focused := window.focusWidget()) is not None:
            focused.clearFocus()
        _turn()
        get_settings().reset()

    def close(self) -> None:
        """Close the window; the next test makes another one."""
        from app_model import Application

        viewer, self.viewer = self.viewer, None
        if viewer is not None:
            with patch.object(viewer.window._qt_window, "_save_current_window_settings"):
                viewer.close()
        if self._app is not None:
            self._app.menus.menus_changed.block()  # hundreds of actions go without every menu being built anew
            self._app = None
            Application.destroy(_NAME)
        _turn()


def state_of(viewer: Any) -> dict[str, str]:
    """All of a window that tests could leave changed, by name."""
    from napari.settings import get_settings

    qt_viewer, window = viewer.window._qt_viewer, viewer.window._qt_window
    emitters = {
        "viewer": viewer.events,
        "dims": viewer.dims.events,
        "camera": viewer.scene.camera.events,
        "cursor": viewer.cursor.events,
        "layers": viewer.layers.events,
        "selection": viewer.layers.selection.events,
    }
    return _flat({
        **{name: getattr(viewer, name) for name in _TEXTS},
        **{name: model.model_dump() for name, model in _models(viewer).items()},
        "our listeners": {
            name: [one for one, emitter in group.emitters.items() if any(map(_is_ours, emitter.callbacks))]
            for name, group in emitters.items()
        },
        "callbacks": {
            name: len(getattr(viewer, f"mouse_{name}_callbacks"))
            for name in ("move", "drag", "wheel", "double_click")
        },
        "layers": [layer.name for layer in viewer.layers],
        "pictures": len(qt_viewer.canvas.layer_to_visual),
        "children of the scene": len(qt_viewer.canvas.view.scene.children),
        "keys": sorted(str(key) for key, action in viewer.keymap.items() if action is not None),
        "keys heard by": [type(one).__name__ for one in qt_viewer._key_map_handler.keymap_providers],
        "settings": json.loads(get_settings().model_dump_json()),
        "docks": {
            dock.objectName(): (window.dockWidgetArea(dock), dock.isVisible(), dock.isFloating())
            for dock in window.findChildren(QDockWidget)
        },
        "size": window.size(),
        "widgets": Counter(type(one).__name__ for one in window.findChildren(QWidget)),
        "timers": sum(timer.isActive() for timer in window.findChildren(QTimer)),
        "windows beside": [
            type(one).__name__ for one in QApplication.topLevelWidgets() if one.isVisible() and one is not window
        ],
    })  # fmt: skip


def _models(viewer: Any) -> dict[str, Any]:
    return {
        "dims": viewer.dims,
        "camera": viewer.scene.camera,
        "cursor": viewer.cursor,
        "tooltip": viewer.tooltip,
        "grid": viewer.canvas.grid,
    }


def _flat(value: Any, name: str = "") -> dict[str, str]:
    if not isinstance(value, dict):
        return {name: repr(value)}
    found: dict[str, str] = {}
    for key, one in value.items():
        found |= _flat(one, f"{name} {key}".strip())
    return found


def _is_ours(callback: Any) -> bool:
    """Whether a callback of napari's emitters, or the object whose method it is, is no part of napari."""
    if isinstance(callback, tuple):
        callback = type(callback[0]())
    return not str(getattr(callback, "__module__", "")).startswith(("napari.", "vispy."))


def _no_console(*_: Any) -> QWidget:
    widget = QWidget()
    widget._update_theme = lambda *_: None
    return widget


def _turn() -> None:
    """Let Qt do what waits, and free what is to be deleted."""
    for _ in range(3):
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
