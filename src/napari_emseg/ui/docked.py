"""What all our docked widgets have in common: their look's name, whom they listen to, and how they go away."""

from __future__ import annotations

import atexit
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QCoreApplication, QEvent, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QApplication, QBoxLayout, QScrollArea, QWidget

from napari_emseg.ui.gl_context import keep_context
from napari_emseg.ui.main_thread import MainThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari import Viewer

_WIDE = 760  # pixels from which two parts stand beside each other
_FIRST = 372  # pixels that the first part takes then
_UNBOUNDED = 16_777_215  # Qt's largest size


class Docked(QWidget):
    """A widget in a dock of napari. It lets go of everything when napari takes it out, or the window goes.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Plugins get a proxy that hides private attributes; ``viewer`` is what is behind it.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.setObjectName("emseg")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.viewer: Viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        keep_context(self.viewer)
        self._main_thread = MainThread(self)
        self._docked: str | None = None
        self._ends: list[Callable[[bool], object]] = []
        # Qt calls this when the widget is half gone, so it is no method
        self._leave = partial(_end, self._ends)
        self.destroyed.connect(self._leave)
        if (app := QApplication.instance()) is not None:
            app.aboutToQuit.connect(self._leave)
        close = partial(_close_window, self._ends, self.viewer)
        atexit.register(close)
        self.at_end(lambda _: atexit.unregister(close))

    def at_end(self, end: Callable[[bool], object]) -> None:
        """Call something when the widget goes, in the order in which it was given.

        Parameters
        ----------
        end : callable
            Called with whether the window stays; without it neither widgets nor layers may be touched.
        """
        self._ends.append(end)

    def hear(self, *pairs: tuple[Any, Callable[..., None]]) -> None:
        """Listen to emitters that outlive the widget."""
        for emitter, callback in pairs:
            emitter.connect(callback)
            self.at_end(partial(_unhear, emitter, callback))

    def _to_canvas(self) -> None:
        self._canvas().setFocus()

    def _on_escape(self) -> None:
        self._to_canvas()

    def _canvas(self) -> QWidget:
        """The widget that takes keys in the viewer."""
        native: QWidget = self.viewer.window._qt_viewer.canvas.native
        return native

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Esc gives the keys back to the canvas, from wherever Tab has led to."""
        if event.key() == Qt.Key.Key_Escape:
            self._on_escape()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Shut down when napari takes the widget out of its dock."""
        if event.type() == QEvent.Type.ParentChange:
            if (holder := self.parentWidget()) is not None:
                self._docked = holder.windowTitle()
            elif self._docked is not None:
                self._main_thread.post(partial(self._on_taken_out, self._docked))
                self._docked = None
        return bool(super().event(event))

    def may_go(self) -> bool:
        """Whether nothing is lost when the widget goes, or the person agrees."""
        return True

    def _on_taken_out(self, name: str) -> None:
        if self.may_go():
            self.shut_down()
        else:
            self.viewer.window.add_dock_widget(self, name=name, add_vertical_stretch=False)

    def shut_down(self) -> None:
        """Let go of everything; the widget is not used afterwards. A second call does nothing."""
        with suppress(TypeError, RuntimeError):  # done already
            self.destroyed.disconnect(self._leave)
        if (app := QApplication.instance()) is not None:
            with suppress(TypeError, RuntimeError):
                app.aboutToQuit.disconnect(self._leave)
        self._leave(window_stays=True)


def put_beside(layout: QBoxLayout, first: QWidget, width: int) -> bool:
    """Two parts beside each other where there is room, below each other where not; whether there is."""
    wide = width >= _WIDE
    direction = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
    if layout.direction() != direction:
        layout.setDirection(direction)
    first.setMaximumWidth(_FIRST if wide else _UNBOUNDED)
    return wide


def scrolling(widget: QWidget) -> QScrollArea:
    """A widget that scrolls up and down where it has too little room."""
    area = QScrollArea()
    area.setObjectName("stageArea")
    area.setWidgetResizable(True)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it scrolls to what has the focus
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(widget)
    widget.setProperty("emsegPanel", True)
    return area


def _end(ends: list[Callable[[bool], object]], *_: object, window_stays: bool = False) -> None:
    todo, ends[:] = list(ends), []
    for end in todo:
        # what an end reaches for may be gone already, and the next one has its turn all the same
        with suppress(RuntimeError, ValueError, LookupError):
            end(window_stays)


def _close_window(ends: list[Callable[[bool], object]], viewer: Viewer) -> None:
    """Close the window of a script that ends with it open: PyQt crashes now and then on as many widgets as ours."""
    _end(ends)
    with suppress(RuntimeError):  # closed already
        viewer.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def _unhear(emitter: Any, callback: Callable[..., None], window_stays: bool) -> None:
    emitter.disconnect(callback)
