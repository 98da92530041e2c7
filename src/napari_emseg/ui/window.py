"""A napari window with the dock in it."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import napari
from qtpy.QtCore import QTimer

from napari_emseg.ui.commands import PLUGIN
from napari_emseg.ui.flows import opening

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.ui.dock import EmsegDock

_SIZE = (1600, 1000)
_LISTEN_MS = 200
_STOPPED = 128 + signal.SIGINT


def open_window(*, show: bool = True, size: tuple[int, int] | None = None) -> tuple[napari.Viewer, EmsegDock]:
    """A viewer with the dock, not larger than the screen."""
    viewer = napari.Viewer(title="EM proofreading", show=show)
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN)
    window = viewer.window._qt_window
    room = window.screen().availableGeometry()
    width, height = size or (min(_SIZE[0], room.width()), min(_SIZE[1], room.height()))
    window.resize(width, height)
    return viewer, dock


def run(paths: Sequence[str | Path], *, sample: str | None, spacing_nm: Spacing | None) -> int:
    """Open the window, open what was asked for, and wait until it is closed; Ctrl-C in the terminal closes it, too."""
    viewer, dock = open_window()
    first = f"sample:{sample}" if sample else (paths[0] if paths else None)
    if first is not None:
        opening.open_path(dock.desk, first, spacing_nm=spacing_nm)
    for path in paths if sample else paths[1:]:
        viewer.open(str(path), plugin=PLUGIN)
    with _closed_by_ctrl_c(viewer) as stops:
        napari.run()
    return _STOPPED if stops else 0


@contextmanager
def _closed_by_ctrl_c(viewer: napari.Viewer) -> Iterator[list[int]]:
    """While Qt waits for events, let Ctrl-C close the window as its own button does; gives the signals that came."""
    stops: list[int] = []

    def close(number: int, _frame: object) -> None:
        stops.append(number)
        QTimer.singleShot(0, viewer.close)

    before = signal.signal(signal.SIGINT, close)
    timer = QTimer()
    timer.timeout.connect(_look_up)  # Python hears of signals between two of its own lines only
    timer.start(_LISTEN_MS)
    try:
        yield stops
    finally:
        timer.stop()
        signal.signal(signal.SIGINT, before)


def _look_up() -> None:
    """A line of Python."""
