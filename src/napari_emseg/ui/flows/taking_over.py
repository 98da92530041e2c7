"""Take another label layer over into the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.words import counted
from napari_emseg.ui.as_stack import offset_of, spacing_of
from napari_emseg.ui.notes import foreign_labels
from napari_emseg.ui.shown import as_it_is

if TYPE_CHECKING:
    from napari_emseg.core.edit import Edit
    from napari_emseg.ui.desk import Desk


def take_over(desk: Desk) -> None:
    """Write the topmost label layer that is not the project's into it.

    Raises
    ------
    EmsegError
        If there is no such layer, or the project is read-only.
    """
    from napari_emseg.jobs import take_labels

    session, layers = desk.need_session()
    found = foreign_labels(desk)
    if not found:
        raise EmsegError("there is no other label layer", "this window", "drop a label file into it")
    layer = found[-1]
    spacing = spacing_of(layer)
    offset = None
    if spacing is not None:
        z, y, x = (a - b for a, b in zip(offset_of(layer), offset_of(layers.image), strict=True))
        offset = (z, y, x) if any((z, y, x)) else None  # a layer that nobody has moved
    request = take_labels.prepare(session, layer.name, as_it_is(layer.data), spacing, offset)
    desk.start("data", f"taking over “{layer.name}”")

    def done(taken: Any) -> None:
        edit: Edit = take_labels.finish(session, request, taken)
        if edit.is_empty:
            desk.say("data", f"“{layer.name}” holds nothing that could be taken over.")
            return
        layer.visible = False
        desk.viewer.layers.selection.active = layers.labels  # tools of a hidden layer do nothing
        n = len(edit.sections)
        text = f"The labels of “{layer.name}” are in this project now, in {counted(n, 'section')}."
        desk.say("data", text, tone="done", link="Take that back", action="undo")

    desk.runner.thread("take", lambda: take_labels.run(request), desk.handlers("data", done))
