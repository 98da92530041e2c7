"""Say what the mouse does to the labels: napari's tool and the id that it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.actions import ACTIONS
from napari_emseg.ui.flows.proofreading import PAINTING, refuse_painting

if TYPE_CHECKING:
    from typing import Any

    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.saying import Saying

_STAGE = "proofread"
_MOVES = "The mouse moves the view."
_SIZE = "[ and ] change its size, Z moves the view again."


class Hand:
    """Follows mode and id of the labels layer of one session.

    Without it the line would still say what the last tool did, which is wrong with another one in the hand.

    Parameters
    ----------
    desk : Desk
        With an open stack.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        _, layers = desk.need_session()
        self._labels = layers.labels
        self._said = ""
        self._labels.events.mode.connect(self._on_mode)
        self._labels.events.selected_label.connect(self._on_id)
        self._placed = layers.image, *layers.overlays
        for layer in self._placed:
            layer.events.affine.connect(self._on_moved)
        desk.said.connect(self._on_said)
        self._other: Any = None
        desk.viewer.layers.selection.events.active.connect(self._on_active)

    def let_go(self) -> None:
        """Follow no longer."""
        self._labels.events.mode.disconnect(self._on_mode)
        self._labels.events.selected_label.disconnect(self._on_id)
        for layer in self._placed:
            layer.events.affine.disconnect(self._on_moved)
        self._desk.said.disconnect(self._on_said, missing_ok=True)
        self._desk.viewer.layers.selection.events.active.disconnect(self._on_active)
        self._follow(None)

    def _on_moved(self, event: Any) -> None:
        self._desk.state_changed.emit()  # the header tells of layers that lie elsewhere

    def _on_active(self, event: Any) -> None:
        """Keys of napari go to the chosen layer: a brush in another one paints what the project does not keep."""
        from napari.layers import Labels

        chosen = self._desk.viewer.layers.selection.active
        self._follow(chosen if isinstance(chosen, Labels) and chosen is not self._labels else None)

    def _follow(self, other: Any) -> None:
        if self._other is not None:
            self._other.events.mode.disconnect(self._on_other_mode)
        self._other = other
        if other is not None:
            other.events.mode.connect(self._on_other_mode)
            self._on_other_mode(None)

    def _on_other_mode(self, event: Any) -> None:
        if str(self._other.mode) in PAINTING:
            text = f"This tool changes the layer “{self._other.name}”, which is no part of the project."
            self._desk.say(_STAGE, text, link=ACTIONS["paint_ours"].title, action="paint_ours")

    def _on_mode(self, event: Any) -> None:
        mode, object_id = str(self._labels.mode), int(self._labels.selected_label)
        if self._desk.tool is not None:
            return  # ours speak for themselves
        session = self._desk.session
        if mode in PAINTING and session is not None and session.read_only:
            self._desk.post(self._refuse)
            return
        if text := words(mode, object_id):
            self._say(text)
        elif self._said:  # what has been said meanwhile is worth more
            self._say(_MOVES)

    def _refuse(self) -> None:
        """Take a brush away that could not write."""
        if self._desk.session is None:
            return
        self._labels.mode = "pan_zoom"
        try:
            refuse_painting(self._desk)
        except EmsegError as error:
            self._desk.fail(_STAGE, error)

    def _on_id(self, event: Any) -> None:
        mode, object_id = str(self._labels.mode), int(self._labels.selected_label)
        if self._desk.tool is not None:
            return
        if mode == "pick" and object_id:
            self._say(f"Object {object_id} is picked: P paints with it.")
        elif mode in ("paint", "fill", "polygon"):
            self._say(words(mode, object_id))

    def _on_said(self, stage: str, saying: Saying) -> None:
        if saying.text != self._said:
            self._said = ""

    def _say(self, text: str) -> None:
        self._said = text
        self._desk.say(_STAGE, text)


def words(mode: str, object_id: int) -> str:
    """What the mouse does; empty where it moves the view."""
    fresh = f"{ACTIONS['new_object'].key_words} takes a new id, L picks one."
    if mode == "paint":
        if object_id:
            return f"The brush paints object {object_id}. {_SIZE}"
        return f"Id 0 is empty space: the brush erases. {fresh}"
    if mode == "erase":
        return f"The eraser takes ids away. {_SIZE}"
    if mode == "fill":
        if object_id:
            return f"A click gives a whole region to object {object_id}."
        return f"Id 0 is empty space: a click empties a whole region. {fresh}"
    if mode == "polygon":
        return f"Click the corners of an outline; it is filled with {f'object {object_id}' if object_id else 'empty space'}."
    if mode == "pick":
        return "Click an object to pick its id."
    if mode == "transform":
        return "This tool moves the labels off the image. Z moves the view again."
    return ""
