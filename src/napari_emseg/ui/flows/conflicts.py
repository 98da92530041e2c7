"""Walk through what two people changed in different ways, and decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.flows import synapse_queue
from napari_emseg.ui.view import go_to, zoom_around

if TYPE_CHECKING:
    from napari_emseg.core.conflicts import Conflict
    from napari_emseg.ui.desk import Desk

_SEEN_NM, _SEEN_PX = 1200.0, 256.0  # are shown at least, where the voxel size is known and where not
_LINE_PX = 2
MARK = "napari-emseg conflict"
"""Key of a layer's metadata that says it only shows where two people disagree."""


def show_conflicts(desk: Desk) -> None:
    """Show or hide the list of conflicts."""
    desk.need_session()
    desk.asked.emit("conflicts")


def waiting(desk: Desk) -> list[int]:
    """Places in the list of those that nobody has decided."""
    conflicts = desk.session.conflicts if desk.session is not None else ()
    return [n for n, conflict in enumerate(conflicts) if not conflict.decision]


def look_at(desk: Desk, number: int) -> None:
    """Show one of them on the canvas: the pixels as the other person has them, drawn over the labels."""
    session, layers = desk.need_session()
    desk.conflict = number
    conflict = session.conflicts[number]
    if conflict.answers is not None:
        synapse_queue.zoom_in(desk)
    elif conflict.states is None:
        spacing = session.image.spacing_nm
        least = (_SEEN_NM / spacing[1], _SEEN_NM / spacing[2]) if spacing else (_SEEN_PX, _SEEN_PX)
        zoom_around(desk.viewer, layers.image, conflict.mask.shape, least)
    go_to(desk.viewer, layers.image, conflict.place, fill=True)
    hide(desk)
    if conflict.answers is not None:
        desk.synapses.chosen = conflict.answers[0].sites
        synapse_queue.draw(desk)
    elif conflict.states is None:
        _draw(desk, conflict)
    desk.state_changed.emit()


def hide(desk: Desk) -> None:
    """Take the drawing away."""
    for layer in [layer for layer in desk.viewer.layers if MARK in layer.metadata]:
        desk.viewer.layers.remove(layer)


def keep_mine(desk: Desk) -> None:
    """Keep the labels as they are here, and go on."""
    _decide(desk, "mine")


def take_theirs(desk: Desk) -> None:
    """Take the labels of the other person over, and go on."""
    _decide(desk, "theirs")


def next_conflict(desk: Desk) -> None:
    """Go to the next one that nobody has decided."""
    left = waiting(desk)
    if not left:
        desk.conflict = -1  # a key once too often would decide the last one anew
        hide(desk)
        desk.state_changed.emit()
        return
    look_at(desk, next((n for n in left if n > desk.conflict), left[0]))


def undo(desk: Desk, *, again: bool = False) -> bool:
    """Take back what was last kept as it is, if that is newer than the last edit."""
    if desk.session is None or desk.session.volume.pages.has_stroke:
        return False
    conflict = desk.session.unsay(again=again)
    if conflict is None:
        return False
    desk.say(
        desk.stage,
        f"{'Decided again' if again else 'Waits again'}: section {conflict.section}, {conflict.words}.",
    )
    if not again:
        look_at(desk, next(n for n, one in enumerate(desk.session.conflicts) if one is conflict))
    desk.state_changed.emit()
    return True


def _decide(desk: Desk, decision: Literal["mine", "theirs"]) -> None:
    session, _ = desk.need_session()
    if not session.conflicts:
        raise EmsegError(
            "there are no conflicts", "", "they come with corrections of a colleague",
            action="import_corrections",
        )  # fmt: skip
    if not 0 <= desk.conflict < len(session.conflicts):
        raise EmsegError(
            "no conflict is chosen", "", "show the conflicts and choose one", action="show_conflicts"
        )
    desk.sweep()
    session.decide_conflict(desk.conflict, decision)
    next_conflict(desk)


def _draw(desk: Desk, conflict: Conflict) -> None:
    _, layers = desk.need_session()
    labels = layers.labels
    # napari draws no line along the edge of a layer
    around = (0, _LINE_PX, _LINE_PX)
    start = np.array(conflict.region.start) - around
    from napari.utils.colormaps import DirectLabelColormap

    drawn = desk.viewer.add_labels(
        np.pad(conflict.mask.astype(np.uint8)[None], [(n, n) for n in around]),
        name=f"{conflict.author or 'theirs'}, section {conflict.section}",
        colormap=DirectLabelColormap(color_dict={None: "transparent", 1: "white"}),
        opacity=1.0,
        scale=labels.scale,
        translate=labels.translate + start * labels.scale,
        units=labels.units,
        axis_labels=labels.axis_labels,
        metadata={MARK: True},
    )
    drawn.contour = _LINE_PX
    drawn.editable = False
    desk.viewer.layers.selection.active = labels
