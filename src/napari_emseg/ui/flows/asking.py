"""Questions that the window answers itself, and what it refuses whatever is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        reason = session.volume.read_only_reason
        action = "reopen" if desk.is_free else ""
        raise EmsegError(f"this project is read-only, nothing can be {what}", reason, action=action)
