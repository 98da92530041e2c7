"""Somebody removes the image or the labels of the open stack from napari's list: that closes it, unless strokes would be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.project import is_project
from napari_emseg.ui import unfinished
from napari_emseg.ui.actions import ACTIONS
from napari_emseg.ui.bench import sentence
from napari_emseg.ui.flows import other_stack
from napari_emseg.ui.view import go_to_section

if TYPE_CHECKING:
    from napari_emseg.session import Session
    from napari_emseg.ui.desk import Desk

_CLOSE = "close_lost"


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
    section, stopped = desk.section, unfinished.ended(desk)
    left, folder = " ".join(desk.clear()), session.project.folder
    said = (
        f"The stack is closed. {left}" if left else "The stack is closed; every edit is kept in its project."
    )
    if stopped:
        said = f"{said} {stopped}"
    again = {}
    if is_project(folder):
        desk.closed = folder, session.image, section
        again = {"link": "Open it again", "action": "open_again"}
    desk.say("data", said, tone="error" if left else "quiet", **again)
    desk.open_stage("data")


def with_way_out(desk: Desk, error: EmsegError) -> EmsegError:
    """Why something cannot be saved; with the step that ends it where the project is gone, for no other try will help."""
    if desk.session is not None and not is_project(desk.session.project.folder):
        error.action = _CLOSE
    return error


def close_lost(desk: Desk) -> None:
    """Close the stack whose project is gone, with what was painted last.

    Raises
    ------
    EmsegError
        If the project is there after all, and the disk refuses what was painted last.
    """
    session, _ = desk.need_session()
    if is_project(session.project.folder) and (error := session.unsaved()) is not None:
        raise error
    desk.say("data", " ".join(desk.clear()) or "The stack is closed; every edit is kept in its project.")
    desk.open_stage("data")


def end(session: Session) -> list[str]:
    """Close a session; what became of its project where that is not as it should be, in sentences.

    Whatever the disk refuses now is in the journal already: nobody has to wait with the next stack for it.
    """
    folder, said = session.project.folder, list[str]()
    try:
        session.close()
    except EmsegError as error:
        said.append(f"The labels of “{session.image.name}” wait in its journal. {sentence(error)}")
    if is_project(folder):
        return said
    return [
        f"The project that was open, “{folder.stem}”, is no longer in {folder.parent}: it was deleted or moved."
    ]


def _put_back(desk: Desk, error: EmsegError) -> None:
    _, layers = desk.need_session()
    section = desk.section
    if layers.image not in desk.viewer.layers:
        desk.viewer.layers.insert(0, layers.image)
    layers.bring_back(desk.viewer, layers.labels)
    go_to_section(desk.viewer, layers.image, section)  # where no layer was left, napari has forgotten it
    desk.viewer.layers.selection.active = layers.labels
    why = f"What was painted last is not saved and would be lost, so the layer is back. {sentence(error)}"
    out = with_way_out(desk, error).action
    more = {"link": ACTIONS[out].title, "action": out} if out == _CLOSE else {}
    desk.say(desk.stage, why, tone="error", **more)
