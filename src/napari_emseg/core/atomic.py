"""Files that are there as a whole or not at all, also after a power cut."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from napari_emseg.core.leftovers import beside as name_beside
from napari_emseg.core.leftovers import clear

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

_PATIENCE_S = 1.0 if os.name == "nt" else 0.0
_PAUSE_S = 0.005


def patiently(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do something with a file, on Windows again for up to a second where it is refused.

    There a file that anybody reads (another thread, another window, a scanner for viruses, what synchronises a folder)
    cannot be replaced meanwhile, and one that is just being replaced cannot be read.

    Raises
    ------
    OSError
        As the system reports it.
    """
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return act(*args, **kwargs)
        except PermissionError:
            if time.monotonic() >= end:
                raise
        time.sleep(_PAUSE_S)


def may_write(folder: Path) -> bool:
    """Whether new files can be made in a folder, found out by making one: Windows knows no other way."""
    trial = folder / f".trial.{os.getpid()}-{threading.get_ident()}.part"
    try:
        trial.open("xb").close()
    except OSError:
        return False
    with suppress(OSError):
        patiently(trial.unlink)
    return True


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
        patiently(beside.replace, path)
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
