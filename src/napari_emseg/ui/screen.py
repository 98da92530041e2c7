"""Whether there is a screen. Loads neither Qt nor napari: it is asked before they are."""

from __future__ import annotations

import os
import sys


def is_missing() -> bool:
    """Whether this machine has nowhere to show a window."""
    return sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def is_chosen() -> bool:
    """Whether somebody told Qt where to draw instead, such as offscreen."""
    return bool(os.environ.get("QT_QPA_PLATFORM"))
