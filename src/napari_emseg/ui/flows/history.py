"""Look at what was done, go there, and bring an earlier moment back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.words import counted
from napari_emseg.ui.history_model import when
from napari_emseg.ui.view import go_to

if TYPE_CHECKING:
    from napari_emseg.core.chronicle import Event
    from napari_emseg.ui.desk import Desk


def show_history(desk: Desk) -> None:
    """Show or hide the history."""
    desk.need_session()
    desk.sweep()
    desk.asked.emit("history")


def go_there(desk: Desk, event: Event) -> None:
    """Show the place of an edit on the canvas; an edit that is nowhere in particular leaves the view."""
    _, layers = desk.need_session()
    if event.place is not None:
        go_to(desk.viewer, layers.image, event.place)


def restore(desk: Desk, event: Event) -> str:
    """Bring back the labels and section states as they were right after an edit, as one new edit.

    Returns
    -------
    str
        What to say about it.

    Raises
    ------
    EmsegError
        If the moment can no longer be brought back, or the project is read-only.
    """
    session, _ = desk.need_session()
    desk.sweep()
    edit = session.restore(event.id)
    moment = f"“{event.name}”, {when(event.time)}"
    if edit.is_empty:
        return f"Nothing has changed since {moment}."
    n, locks = len(edit.sections), len(edit.locks)
    changed = [counted(n, "section")] if n else []
    changed += [counted(locks, "lock")] if locks else []
    answers = len(edit.answers)
    changed += [counted(answers, "answer")] if answers else []
    return f"Back as after {moment}: {' and '.join(changed)} changed. Ctrl+Z takes that back."


def try_restore(desk: Desk, event: Event) -> tuple[str, str]:
    """As `restore`, with refusals as words: (what to say, tone)."""
    try:
        text = restore(desk, event)
    except EmsegError as error:
        return str(error)[:1].upper() + str(error)[1:] + ".", "error"
    desk.state_changed.emit()
    return text, "done"
