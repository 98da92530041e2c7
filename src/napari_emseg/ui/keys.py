"""Keys on the viewer, and the sheet that lists them; both come from the table of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.ui.actions import ACTIONS, HOLD_OVERLAYS
from napari_emseg.ui.labels_layer import is_drawing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from napari import Viewer

    from napari_emseg.ui.desk import Desk

_NAPARI_OWN = frozenset({"M"})
"""Bound on the labels layer only, where they mean to napari what they mean here."""

NAPARI_TOOLS: tuple[tuple[str, str], ...] = (
    ("P or 2", "Paint"),
    ("E or 1", "Erase"),
    ("F or 4", "Fill"),
    ("L or 5", "Pick the id under the cursor"),
    ("Z or 6", "Move the view"),
    ("[ and ]", "Smaller, larger brush"),
    ("B", "Keep other objects while painting"),
    ("Space, hold", "Move the view"),
)
_PAINTING = {"P": "paint", "E": "erase", "F": "fill", "L": "pick"}
"""napari's keys of the chosen labels layer, and the tools; they are of use while another layer is chosen, or several, too."""

HELP = "?"
"""A character, wherever a keyboard has it; napari's own keys are places on a keyboard, so the window binds it."""


def bind(desk: Desk) -> None:
    """Bind every key of the table on the desk's viewer."""
    for name, action in ACTIONS.items():
        if action.key and action.key not in _NAPARI_OWN:
            desk.viewer.bind_key(action.key, _doer(desk, name), overwrite=True)
    for key, mode in _PAINTING.items():
        desk.viewer.bind_key(key, _painter(desk, mode), overwrite=True)
    desk.viewer.bind_key(HOLD_OVERLAYS.key, _hider(desk), overwrite=True)


def unbind(viewer: Viewer) -> None:
    """Take the keys away again."""
    for action in (*ACTIONS.values(), HOLD_OVERLAYS):
        if action.key and action.key not in _NAPARI_OWN:
            viewer.bind_key(action.key, None, overwrite=True)
    for key in _PAINTING:
        viewer.bind_key(key, None, overwrite=True)


def bind_layer(desk: Desk) -> None:
    """Bind on the labels layer what napari binds on labels layers itself."""
    _, layers = desk.need_session()

    def _on_escape(layer: Any) -> None:
        if desk.tool is not None or not is_drawing(layer):
            desk.do("put_down")
            return
        from napari.layers.labels._labels_key_bindings import reset_polygon

        reset_polygon(layer)

    def _on_new(layer: Any) -> None:
        desk.do("new_object")

    layers.labels.bind_key("Escape", _on_escape, overwrite=True)
    layers.labels.bind_key("M", _on_new, overwrite=True)
    for name in ("undo", "redo"):  # napari's own would work too, but not say what was taken back
        layers.labels.bind_key(ACTIONS[name].key, _doer(desk, name), overwrite=True)


def sheet() -> tuple[tuple[str, str, str], ...]:
    """Rows of the key sheet: key, what it does, help."""
    rows = [(a.key_words, a.title, a.help) for a in (*ACTIONS.values(), HOLD_OVERLAYS) if a.key]
    more = ACTIONS["show_keys"]
    rows[rows.index((more.key_words, more.title, more.help))] = (
        f"{HELP} or {more.key_words}", more.title, more.help,
    )  # fmt: skip
    return (*rows, *((key, words, "napari's own") for key, words in NAPARI_TOOLS))


def _let_go() -> None:
    """What napari does when a key of ours comes up.

    It keeps what a letter last meant, for ever: without this, Ctrl+Z after Z brings the tool from before Z back.
    """


def _doer(desk: Desk, name: str) -> Callable[[Any], Callable[[], None]]:
    def do(viewer: Any) -> Callable[[], None]:
        desk.do(name)
        return _let_go

    do.__doc__ = ACTIONS[name].title
    return do


def _painter(desk: Desk, mode: str) -> Callable[[Any], Callable[[], None]]:
    def take(viewer: Viewer) -> Callable[[], None]:
        """Choose the labels, with a tool."""
        from napari_emseg.core.errors import EmsegError
        from napari_emseg.ui.flows.proofreading import paint_with

        chosen = viewer.layers.selection.active
        if desk.layers is None or (chosen is not None and chosen._type_string != "image"):
            return _let_go  # a layer with tools of its own
        try:
            paint_with(desk, mode)
        except EmsegError as error:
            desk.fail("proofread", error)
        return _let_go

    return take


def _hider(desk: Desk) -> Callable[[Any], Generator[None, None, None]]:
    def hide(viewer: Any) -> Generator[None, None, None]:
        """Hide overlays."""
        if desk.layers is None:
            return
        shown = [layer for layer in desk.layers.overlays if layer.visible]
        for layer in shown:
            layer.visible = False
        yield
        for layer in shown:
            layer.visible = True

    return hide
