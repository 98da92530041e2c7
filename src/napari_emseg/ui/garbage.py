"""What lasts as long as the window is not looked through for garbage in the midst of a stroke.

Python looks for objects that nobody needs among all there are. A window has some 300 000, and stands still for a fifth
of a second each time. What is there when a stack is open is set aside (`gc.freeze`) until a layer goes: napari itself looks
for garbage then.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.docked import Docked


class Garbage:
    """Sets aside what lasts, unless somebody else has set objects aside in this process.

    Parameters
    ----------
    desk : Desk
        Whose stacks come and go.
    dock : Docked
        As long as it is there; afterwards Python looks through everything again.
    """

    def __init__(self, desk: Desk, dock: Docked) -> None:
        self._desk = desk
        self._ours = False
        self._look_waits = False
        layers = desk.viewer.layers.events
        dock.hear((layers.removing, self._look_at_all), (layers.removed, self._set_aside_soon))
        desk.session_changed.connect(self._on_session)
        dock.at_end(self._look_at_all)
        self._set_aside_soon()

    def _on_session(self) -> None:
        if not self._look_waits:  # one stack goes and the next one comes in one turn
            self._look_waits = True
            self._desk.post(self._look_and_set_aside)

    def _look_and_set_aside(self) -> None:
        """The stack that was open before goes now, not when the next layer does."""
        self._look_waits = False
        if self._ours:
            self._look_at_all()
            gc.collect()
        self._set_aside()

    def _set_aside_soon(self, event: Any = None) -> None:
        self._desk.post(self._set_aside)

    def _set_aside(self) -> None:
        if self._ours or not gc.get_freeze_count():
            gc.freeze()
            self._ours = True

    def _look_at_all(self, event: Any = None) -> None:
        if self._ours:
            gc.unfreeze()
            self._ours = False


@contextmanager
def no_search_for_garbage() -> Iterator[None]:
    """Python does not look through all objects for those that nobody needs, neither meanwhile nor because of what is made here.

    It does so when many are made, and the window stands still each time; here all are kept.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            others = gc.get_freeze_count()
            gc.freeze()
            if not others:  # together, these two declare all objects old, and look at none
                gc.unfreeze()
            gc.enable()
