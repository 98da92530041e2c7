"""One writer per project folder; the system takes the lock back when a process dies."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


OURSELVES = "another window of this program"
"""Who holds a lock, where it is held in this process."""


class FolderLock:
    """An advisory lock on a file inside the folder.

    Parameters
    ----------
    path : Path
        The lock file; it stays there and says who holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def acquire(self) -> str:
        """Try to take the lock; an empty answer is success, anything else says who or what is in the way."""
        try:
            file = self.path.open("a+", encoding="utf-8")
        except OSError:
            return "the folder cannot be written"
        if not _try_lock(file):
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            return f"it is open in {OURSELVES if holder == _own_name() else holder}"
        self._file = file
        with suppress(
            OSError
        ):  # the lock holds all the same where a full disk has no room for its holder's name
            file.seek(0)
            file.truncate()
            file.write(_own_name())
            file.flush()
        return ""

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        if self._file is not None:
            with suppress(OSError):
                self._file.truncate(0)
            if sys.platform != "win32":
                fcntl.flock(self._file, fcntl.LOCK_UN)  # also where a forked child still holds the file
            with suppress(OSError):  # a full disk may still not take what was to be written; closed it is
                self._file.close()
            self._file = None


def _own_name() -> str:
    """What is written into the lock file for others to read."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def _try_lock(file: IO[str]) -> bool:
    try:
        if sys.platform == "win32":
            file.seek(2**30)  # a byte far behind the text, which stays readable for others
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
