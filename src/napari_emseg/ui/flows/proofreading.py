"""Correct labels and say which sections are right."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.core.words import counted
from napari_emseg.ui.flows import aligning, conflicts, doubting, examples, seeding
from napari_emseg.ui.flows.asking import refuse_reader
from napari_emseg.ui.labelled import share
from napari_emseg.ui.labels_layer import take_corner_back
from napari_emseg.ui.notes import is_coarse
from napari_emseg.ui.tools import CutTool, MergeTool
from napari_emseg.ui.view import go_to_section, need_one_section

if TYPE_CHECKING:
    from napari_emseg.core.edit import Edit
    from napari_emseg.ui.desk import Desk

PAINTING = ("paint", "erase", "fill", "polygon")
"""Napari's tools that change labels."""

_NO_EDITS = (conflicts, examples, seeding, doubting, aligning)
"""What takes back its own, which is in no edit, where that is newer than the last edit."""

REASONS = ("fold", "crack", "missing", "blurred", "other")
"""Why a section is left out; the digits 1 to 5 in the panel."""


def merge(desk: Desk) -> None:
    """Take the merge tool up, or put it down."""
    desk.open_stage("proofread")
    desk.set_tool(None if isinstance(desk.tool, MergeTool) else MergeTool(desk))
    _say_if_put_down(desk)


def cut(desk: Desk) -> None:
    """Take the cut tool up, or put it down."""
    desk.open_stage("proofread")
    desk.set_tool(None if isinstance(desk.tool, CutTool) else CutTool(desk))
    _say_if_put_down(desk)


def lock(desk: Desk) -> None:
    """Lock or unlock the object under the mouse; with the mouse elsewhere, the chosen one."""
    session, _ = desk.need_session()
    object_id = _pointed_at(desk)
    now = object_id not in session.locked
    session.lock(object_id, now)
    words = "is locked: nothing automatic changes it." if now else "is not locked any more."
    desk.say("proofread", f"Object {object_id} {words}", link="Take that back", action="undo")


def interpolate(desk: Desk) -> None:
    """Draw the object under the mouse, or the chosen one, in the sections between painted ones."""
    from napari_emseg.proofread.interpolate import interpolate as fill

    session, _ = desk.need_session()
    session.commit_stroke()
    object_id = _pointed_at(desk, or_chosen=True)
    left_out = session.sections.with_status(Status.EXCLUDED)
    edit = fill(
        session.volume, object_id, _section_meant(desk), skip=session.sections.proofread,
        excluded=left_out, locked=session.locked - {object_id},
    )  # fmt: skip
    session.commit(edit)
    between = [z for z in left_out if edit.sections[0] - 1 <= z <= edit.sections[-1] + 1]
    text = f"Done: {edit.name}."
    if len(between) == 1:
        text += f" Section {between[0]} is left out and stays as it is."
    elif between:
        text += f" Sections {', '.join(map(str, between))} are left out and stay as they are."
    desk.say("proofread", text, tone="done", link="Take that back", action="undo")


def _section_meant(desk: Desk) -> int | None:
    """The section on screen; seen from the side, the one under the mouse; None in three dimensions: all of them."""
    session, layers = desk.need_session()
    dims = desk.viewer.dims
    if dims.ndisplay != 2:
        return None
    if dims.ndim - 3 not in dims.displayed:
        return desk.section
    z = round(float(layers.labels.world_to_data(desk.viewer.cursor.position)[-3]))
    return min(max(z, 0), session.image.shape[0] - 1)


def _pointed_at(desk: Desk, *, or_chosen: bool = False) -> int:
    """The object under the mouse; with the mouse elsewhere, or if asked over empty space, the chosen one."""
    _, layers = desk.need_session()
    object_id = int(layers.labels.selected_label)
    if getattr(desk.viewer, "mouse_over_canvas", False):
        under = layers.labels.get_value(desk.viewer.cursor.position, world=True)
        object_id = int(under or 0) or (object_id if or_chosen else 0)
    if object_id == 0:
        raise EmsegError("there is no object under the mouse", f"section {desk.section}", "point at one")
    return object_id


def put_down(desk: Desk) -> None:
    """Put the tool down; without one, leave the page that lies over the open stage."""
    if desk.tool is None:
        desk.asked.emit("stage")
        return
    desk.set_tool(None)
    _say_if_put_down(desk)


def new_object(desk: Desk) -> None:
    """Choose a fresh id and the brush."""
    refuse_painting(desk)
    fresh = desk.new_object()
    _, layers = desk.need_session()
    desk.set_tool(None)
    desk.viewer.layers.selection.active = layers.labels
    layers.labels.mode = "paint"
    desk.say("proofread", f"Painting object {fresh}, a new id.")


def paint_with(desk: Desk, mode: str) -> None:
    """Choose one of napari's own tools on the labels."""
    _, layers = desk.need_session()
    if mode != "pick":
        refuse_painting(desk)
    desk.set_tool(None)
    desk.viewer.layers.selection.active = layers.labels
    layers.labels.mode = mode


def paint_ours(desk: Desk) -> None:
    """Choose the project's labels, with the tool that is in the hand for another layer."""
    chosen = desk.viewer.layers.selection.active
    mode = str(getattr(chosen, "mode", "paint"))
    paint_with(desk, mode if mode in PAINTING else "paint")


def refuse_painting(desk: Desk) -> None:
    """Refuse what a brush could not do.

    Raises
    ------
    EmsegError
        If the project can only be read, or the labels are shown coarsely.
    """
    desk.need_session()
    refuse_reader(desk, "painted")
    if is_coarse(desk):
        raise EmsegError(
            "this view is shown coarsely and cannot be painted",
            "",
            "go back to single sections",
            action="show_sections",
        )


def show_sections(desk: Desk) -> None:
    """One section from above, at the place that is on screen."""
    _, layers = desk.need_session()
    dims = desk.viewer.dims
    dims.ndisplay = 2
    dims.order = tuple(range(dims.ndim))
    go_to_section(desk.viewer, layers.image, desk.section)


def mark_proofread(desk: Desk) -> None:
    """Mark the section on screen as right, and go to the next one that has no mark."""
    session, layers = desk.need_session()
    need_one_section(desk.viewer, layers.image)
    section = desk.section
    if session.sections[section].status is Status.PROOFREAD:
        next_unproofread(desk)
        return
    if (state := session.sections[section]).status is Status.EXCLUDED:
        raise EmsegError(
            "this section is left out", f"section {section}: {state.reason}", "take its mark back first",
            action="mark_unseen",
        )  # fmt: skip
    labelled = share(session.volume, section) if section in desk.labelled else 0.0
    if not labelled:  # objects that are deleted everywhere leave no trace in what is known of sections
        raise EmsegError(
            "there is nothing in this section to be right", f"section {section}",
            "segment it first, or paint it", action="segment",
        )  # fmt: skip
    session.mark(section, Status.PROOFREAD)
    n = len(session.sections.proofread)
    corrections = session.correction_count(section)
    text = f"Section {section} is proofread"
    text += f" with {counted(corrections, 'correction')}" if corrections else ""
    text += f", {_percent(labelled)} of it labelled."
    moved = _go_to_next(desk)
    if not moved:
        text += " No section without a mark is left."
    desk.say(
        "proofread", text, tone="done", action="stage:train",
        link=f"Learn from {counted(n, 'section')}",
    )  # fmt: skip


def _percent(part: float) -> str:
    """Never all or nothing where it is not."""
    if 0 < part < 0.01:
        return "less than 1 %"
    return f"{math.floor(100 * part)} %"


def take_mark_back(desk: Desk) -> None:
    """The section on screen is not finished after all."""
    session, layers = desk.need_session()
    need_one_section(desk.viewer, layers.image)
    section = desk.section
    status = Status.PREDICTED if section in desk.labelled else Status.UNSEEN
    session.mark(section, status)
    desk.say("proofread", f"Section {section} has no mark any more and does not teach the model.")


def exclude(desk: Desk) -> None:
    """Ask why the section is left out; the panel has the answers."""
    _, layers = desk.need_session()
    need_one_section(desk.viewer, layers.image)
    desk.open_stage("proofread")
    desk.asked.emit("exclude")


def exclude_because(desk: Desk, reason: str) -> None:
    """Leave the section on screen out."""
    session, _ = desk.need_session()
    section = desk.section
    session.mark(section, Status.EXCLUDED, reason)
    desk.say("proofread", f"Section {section} is left out ({reason}).", link="Take that back", action="undo")


def previous_section(desk: Desk) -> None:
    """One section back."""
    _step(desk, -1)


def next_section(desk: Desk) -> None:
    """One section on."""
    _step(desk, 1)


def next_unproofread(desk: Desk) -> None:
    """Go to the next section that has no mark."""
    if not _go_to_next(desk):
        desk.say("proofread", "No section without a mark is left.", tone="done")


def undo(desk: Desk) -> None:
    """Take the last edit back."""
    session, layers = desk.need_session()
    if left := take_corner_back(layers.labels):
        desk.say(desk.stage, left)
        return
    if any(flow.undo(desk) for flow in _NO_EDITS):
        return
    name = session.undo_name
    if not session.can_undo:
        desk.say(desk.stage, "Nothing to undo.")
        return
    if (edit := desk.undo()) is not None:
        text = f"Taken back: {name}{_elsewhere(desk, name, edit)}."
        question = doubting.look_again(desk)  # opens its stage
        desk.say(desk.stage, f"{text} {question}".rstrip(), link="Redo", action="redo")


def redo(desk: Desk) -> None:
    """Make the last undone edit again."""
    session, _ = desk.need_session()
    if any(flow.undo(desk, again=True) for flow in _NO_EDITS):
        return
    name = session.redo_name
    if not session.can_redo:
        desk.say(desk.stage, "Nothing to redo.")
        return
    if (edit := desk.redo()) is not None:
        desk.say(desk.stage, f"Made again: {name}{_elsewhere(desk, name, edit)}.", link="Undo", action="undo")


def _elsewhere(desk: Desk, name: str, edit: Edit) -> str:
    """Which sections changed where the one on screen did not, and the name does not say it."""
    found = edit.sections
    if not found or desk.section in found or "section" in name:
        return ""
    if len(found) == 1:
        return f" in section {found[0]}"
    return f" in {len(found)} sections from {found[0]} to {found[-1]}"


def _step(desk: Desk, by: int) -> None:
    session, layers = desk.need_session()
    section = min(max(desk.section + by, 0), session.image.shape[0] - 1)
    go_to_section(desk.viewer, layers.image, section)


def _go_to_next(desk: Desk) -> bool:
    session, layers = desk.need_session()
    n = session.image.shape[0]
    for step in range(1, n):
        section = (desk.section + step) % n
        if session.sections[section].status not in (Status.PROOFREAD, Status.EXCLUDED):
            go_to_section(desk.viewer, layers.image, section)
            return True
    return False


def _say_if_put_down(desk: Desk) -> None:
    if desk.tool is None:
        desk.say("proofread", "The tool is put down; the mouse moves the view.")
