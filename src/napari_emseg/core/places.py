"""Where a file that a project uses lies, in a way that survives moving both: relative to the project, and as it was."""

from __future__ import annotations

import os
from pathlib import Path


def absolute(uri: str) -> str:
    """A path with optional ``::internal/path``, from the root."""
    path, colons, internal = uri.partition("::")
    return str(Path(path).expanduser().resolve()) + colons + internal


def relative_to(uri: str, folder: Path) -> str:
    """A path with optional internal path, relative to the project folder; empty where that is impossible."""
    path, colons, internal = uri.partition("::")
    try:
        return Path(os.path.relpath(path, folder)).as_posix() + colons + internal
    except ValueError:  # another drive
        return ""


def candidates(uri: str, relative: str, folder: Path) -> list[str]:
    """Places to look, best first: relative to the project folder, then where it was."""
    if not relative:
        return [uri]
    path, colons, internal = relative.partition("::")
    moved = os.path.normpath(folder / path) + colons + internal
    return [moved] if moved == uri else [moved, uri]
