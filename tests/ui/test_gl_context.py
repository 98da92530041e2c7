"""What removed layers leave in graphics memory is freed in the canvas' own context."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtGui import QOffscreenSurface, QOpenGLContext

from napari_emseg.ui.gl_context import keep_context


def test_removing_a_layer_frees_its_textures_in_the_context_of_the_canvas(
    dock: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = dock.viewer
    layer = viewer.add_image(np.zeros((8, 8), np.uint8))
    canvas = viewer.window._qt_viewer.canvas
    qtbot.waitUntil(lambda: canvas.native.isValid(), timeout=5000)
    viewer.screenshot(flash=False)  # drawn once: there is something to free
    parser = canvas._scene_canvas.context.shared.parser
    before, seen = parser.parse, []

    def parse(commands: Any) -> Any:
        current = QOpenGLContext.currentContext()
        deleted = [c for c in commands if c[0] == "DELETE"]
        seen.append((len(deleted), current is not None and current is canvas.native.context()))
        return before(commands)

    monkeypatch.setattr(parser, "parse", parse)
    # as after every picture: Qt has put the window together, in another context
    surface, other = QOffscreenSurface(), QOpenGLContext()
    surface.create()
    assert other.create()
    assert other.makeCurrent(surface)
    viewer.layers.remove(layer)
    freed = [own for n, own in seen if n]
    assert freed
    assert all(freed)


def test_a_viewer_without_window_and_a_second_call_are_fine(dock: Any) -> None:
    from napari.components import ViewerModel

    keep_context(ViewerModel())
    context = dock.viewer.window._qt_viewer.canvas._scene_canvas.context
    first = context.finish
    keep_context(dock.viewer)
    assert context.finish == first
