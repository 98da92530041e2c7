"""Somebody removes the image or the labels of the open stack from napari's list: that closes it, unless strokes would be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.ui.bench import sentence
from napari_emseg.ui.flows import other_stack
from napari_emseg.ui.view import go_to_section

if TYPE_CHECKING:
    from napari_emseg.core.errors import EmsegError
    from napari_emseg.ui.desk import Desk


def close_after_removal(desk: Desk) -> None:
    """Close the stack whose image or labels are gone, or put them back while the disk refuses what was painted last."""
    session, layers = desk.session, desk.layers
    if session is None or layers is None:
        return
    if layers.image in desk.viewer.layers and layers.labels in desk.viewer.layers:
        if other_stack.other(desk) is None:
            desk.settle("work_on_other")
        return
    if (error := session.unsaved()) is not None:
        _put_back(desk, error)
        return
    section = desk.section
    desk.clear()
    desk.closed = session.project.folder, session.image, section
    desk.say(
        "data",
        "The stack is closed; every edit is kept in its project.",
        link="Open it again",
        action="open_again",
    )
    desk.open_stage("data")


def _put_back(desk: Desk, error: EmsegError) -> None:
    _, layers = desk.need_session()
    section = desk.section
    if layers.image not in desk.viewer.layers:
        desk.viewer.layers.insert(0, layers.image)
    layers.bring_back(desk.viewer, layers.labels)
    go_to_section(desk.viewer, layers.image, section)  # where no layer was left, napari has forgotten it
    desk.viewer.layers.selection.active = layers.labels
    why = f"What was painted last is not saved and would be lost, so the layer is back. {sentence(error)}"
    desk.say(desk.stage, why, tone="error")
