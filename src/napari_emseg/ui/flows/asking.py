"""Questions that the window answers itself, and what it refuses whatever is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.atomic import may_write
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk


def show_keys(desk: Desk) -> None:
    """Show or hide the key sheet."""
    desk.asked.emit("keys")


def refuse_reader(desk: Desk, what: str = "changed") -> None:
    """Refuse what a project that can only be read would not keep.

    Parameters
    ----------
    what : str
        What nothing can be: "changed", "painted".

    Raises
    ------
    EmsegError
        If the project can only be read.
    """
    session = desk.session
    if session is not None and session.read_only:
        reason, action, remedy = session.volume.read_only_reason, "", ""
        if desk.is_free:
            action = "reopen"
        elif not may_write(session.project.folder):
            action, remedy = "save_copy", "a copy on another disk can be"
        raise EmsegError(f"this project is read-only, nothing can be {what}", reason, remedy, action=action)
