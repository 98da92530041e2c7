"""Questions that the window answers itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk


def show_keys(desk: Desk) -> None:
    """Show or hide the key sheet."""
    desk.asked.emit("keys")
