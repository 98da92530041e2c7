"""Say what the mouse does to the labels: napari's tool and the id that it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.ui.actions import ACTIONS

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
        desk.said.connect(self._on_said)

    def let_go(self) -> None:
        """Follow no longer."""
        self._labels.events.mode.disconnect(self._on_mode)
        self._labels.events.selected_label.disconnect(self._on_id)
        self._desk.said.disconnect(self._on_said, missing_ok=True)

    def _on_mode(self, event: Any) -> None:
        mode, object_id = str(self._labels.mode), int(self._labels.selected_label)
        if self._desk.tool is not None:
            return  # ours speak for themselves
        if text := words(mode, object_id):
            self._say(text)
        elif self._said:  # what has been said meanwhile is worth more
            self._say(_MOVES)

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
    """What a click does; empty where the mouse changes no labels."""
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
    return ""
