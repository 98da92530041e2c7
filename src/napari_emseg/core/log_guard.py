"""The write-ahead log of an open journal may lose its name: a program that tidies up, a folder that is synchronised."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from napari_emseg.core.database import connect, inode

if TYPE_CHECKING:
    from pathlib import Path


class LogGuard:
    """Sees to it that what was committed can be found under its name.

    SQLite goes on writing into a log that somebody has deleted, and all of it would be lost with the program.

    Parameters
    ----------
    path : Path
        Of the journal.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")
        self._known: tuple[int, int] | None = None

    def after_commit(self, db: sqlite3.Connection) -> sqlite3.Connection:
        """The connection to go on with: another one where the log was gone, with all that was in it written to the journal."""
        found = inode(self._log)
        is_gone = found is None or (self._known is not None and found != self._known)
        self._known = found
        if not is_gone:
            return db
        with suppress(sqlite3.Error):  # what was committed is committed; the next one tries again
            if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                return db  # some network disks know none
            if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0:
                db.close()
                self._known = None
                return connect(self._path)
        return db
