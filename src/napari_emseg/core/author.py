"""Who works here."""

from __future__ import annotations

import getpass


def author() -> str:
    """Login name of the person, empty where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""
