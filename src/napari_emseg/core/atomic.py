"""Files that are there as a whole or not at all, also after a power cut."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from napari_emseg.core.leftovers import beside as name_beside
from napari_emseg.core.leftovers import clear


def write_atomic(path: Path, content: bytes, *, sync_parent: bool = True, after_killed: bool = False) -> None:
    """Replace a file: write beside it, fsync, rename.

    Parameters
    ----------
    path : Path
        Its folder must exist.
    content : bytes
        All of the file.
    sync_parent : bool
        Also make the new name durable. Callers that write many files do that once at the end.
    after_killed : bool
        Remove halves of this file that killed programs have left. For places that no lock protects: in a project folder
        all halves go when it is opened.

    Raises
    ------
    OSError
        As the system reports it; the old file is then untouched.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    if after_killed:
        clear(path)
        beside = name_beside(path, "part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if sync_parent:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
