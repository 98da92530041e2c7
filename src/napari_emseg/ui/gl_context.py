"""Graphics memory of removed layers is freed in the canvas' own OpenGL context.

When a layer is removed, napari 0.9 frees its textures and programs at once, outside of drawing. Qt has the context of
the window itself current then. Both share their objects, so that nothing is refused, but the driver of the canvas never
hears of the change: the next picture is drawn with a texture that is no longer there, and Mesa ends the program with a
segmentation fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari import Viewer

_MARK = "_emseg_is_kept_current"


def keep_context(viewer: Viewer) -> None:
    """Let the canvas of a viewer take its context before it frees what removed layers have left.

    It holds for the life of the window. A second call does nothing; so does a viewer without window, or a napari that
    keeps its canvas elsewhere.
    """
    try:
        canvas = viewer.window._qt_viewer.canvas._scene_canvas
        context = canvas.context
        finish, set_current = context.finish, canvas.set_current
    except AttributeError:
        return
    if getattr(context, _MARK, False):
        return

    def finish_in_own_context() -> None:
        set_current()
        finish()

    context.finish = finish_in_own_context
    setattr(context, _MARK, True)
