"""Projects of older versions are brought to the present layout; those of newer ones are refused in one sentence.

``MIGRATIONS`` has one step a layout version: from a content of ``project.json`` with that version to the next. To
change the layout, raise `VERSION`, add one function here and describe it in ``docs/project-layout.md``. Steps are pure,
so that a project can be opened read-only without changing it; the file itself is brought up to date with the next
thing that is saved in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

VERSION = 2

Content = dict[str, Any]


def _from_1(content: Content) -> Content:
    """Layout 2 says where a copy comes from, so that its corrections can be brought back."""
    return {**content, "origin": None}


MIGRATIONS: dict[int, Callable[[Content], Content]] = {1: _from_1}
"""Layout version to the function that makes the next one of it."""


def migrated(content: Mapping[str, Any], folder: Path) -> Content:
    """A ``project.json`` in the present layout.

    Parameters
    ----------
    content : mapping
        As it was read; not changed.
    folder : Path
        Of the project, for messages.

    Raises
    ------
    EmsegError
        If a newer version wrote it, or no migration knows its version.
    """
    version = content["version"]
    if isinstance(version, bool) or not isinstance(version, int) or version < min(MIGRATIONS):
        raise EmsegError(
            f"nobody knows the layout {version} of this project", str(folder), "put it back from a backup"
        )
    if version > VERSION:
        raise EmsegError(
            f"a newer napari-emseg wrote this project (layout {version}, known are up to {VERSION})",
            str(folder),
            "update napari-emseg",
        )
    present = dict(content)
    while version < VERSION:
        present = MIGRATIONS[version](present)
        version += 1
        present["version"] = version
    return present
