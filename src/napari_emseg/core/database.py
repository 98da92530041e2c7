"""Opening SQLite files safely, and turning SQLite's errors into sentences."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.leftovers import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path, PurePath

_BUSY_S = 1.0  # another program may hold the file for a moment; the window waits as long
_WAL_PAGES = (
    4000  # 16 MB of write-ahead log between its checkpoints, so that few strokes have to wait for one
)
_HEADER = 100  # bytes; no database is shorter
_PUT_BACK = (
    "put it back from a backup; the labels as last saved lie in labels.zarr beside it, from where a new "
    "project can take them over"
)
_LONGEST_PATH = (
    470  # bytes; SQLite has room for 512, with what is added while a project is made and for its log
)
_PLAIN = {"database or disk is full": "the disk is full", "disk I/O error": "the disk cannot be written"}
"""SQLite's words to ours, where its own say little to a person."""


def connect(path: Path) -> sqlite3.Connection:
    """Open or create for writing: WAL, every commit fsynced."""
    db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    with or_close(db):
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
    return db


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open without writing a byte; on a read-only disk a left-over log is read from a temporary copy."""
    try:
        db = sqlite3.connect(
            read_only_uri(path.resolve()), uri=True, isolation_level=None, check_same_thread=False
        )
        with or_close(db):
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return db
    except sqlite3.OperationalError:
        with temporary_folder("emseg-journal") as folder:
            for part in (path, path.with_name(path.name + "-wal")):
                if part.exists():
                    shutil.copyfile(part, folder / part.name)
            memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            with closing(sqlite3.connect(folder / path.name)) as on_disk, or_close(memory):
                on_disk.backup(memory)
            return memory


def read_only_uri(path: PurePath) -> str:
    """What SQLite opens for reading only. It takes no server's name: of a file on a share that belongs to the path."""
    uri = path.as_uri()
    return f"{uri if uri.startswith('file:///') else uri.replace('file:', 'file://', 1)}?mode=ro"


def checked(
    path: Path, opener: Callable[[Path], sqlite3.Connection], application: int, version: int
) -> sqlite3.Connection:
    """Open a database that exists and is ours.

    Raises
    ------
    EmsegError
        If it is missing, damaged, of another program, or from a newer version of this one.
    """
    if not path.is_file():
        raise EmsegError("the journal is missing", str(path), _PUT_BACK)
    if 0 < path.stat().st_size < _HEADER or not (path.stat().st_size or _log_of(path)):
        raise damaged(path)  # SQLite would take it for a new one, and write into it
    with refusing(path):
        db = opener(path)
        with or_close(db):
            found = int(db.execute("PRAGMA application_id").fetchone()[0])
            written_by = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found == application and written_by <= version:
        return db
    db.close()
    if found != application:
        raise EmsegError(
            "this is not a journal of napari-emseg", str(path), "put the right file back from a backup"
        )
    raise EmsegError(
        f"a newer napari-emseg wrote this project (journal {written_by}, known are up to {version})",
        str(path),
        "update napari-emseg",
    )


@contextmanager
def or_close(db: sqlite3.Connection) -> Iterator[None]:
    """Give the file back when it turns out to be of no use: on Windows nobody could mend or remove it otherwise."""
    try:
        yield
    except BaseException:
        db.close()
        raise


@contextmanager
def refusing(path: Path, what: str = "") -> Iterator[None]:
    """Turn SQLite's errors into one sentence; ``what`` names the edit that could not be saved."""
    verb = "are" if what == "the labels" else "is"
    subject = f"{what} {verb} not saved" if what else "the journal cannot be used"
    try:
        yield
    except sqlite3.OperationalError as error:
        reason = _PLAIN.get(str(error), str(error))
        remedy = "check the disk and its permissions"
        if "full" in reason:
            remedy = "free some space and try again; everything up to here is safe"
        elif "locked" in reason:
            remedy = "another program holds the file; close it and try again"
        elif "unable to open" in reason and len(os.fsencode(path)) > _LONGEST_PATH:
            remedy = "SQLite takes no longer paths; move the project to a place with a shorter one"
        raise EmsegError(f"{subject} ({reason})", str(path), remedy) from error
    except sqlite3.DatabaseError as error:
        raise damaged(path) from error


def damaged(path: Path) -> EmsegError:
    """The refusal for a journal that is not a sound database."""
    return EmsegError("the journal is damaged", str(path), _PUT_BACK)


def _log_of(path: Path) -> bool:
    """Whether there is a write-ahead log with something in it: then an empty file is one just begun."""
    log = path.with_name(path.name + "-wal")
    return log.is_file() and log.stat().st_size > 0


def inode(path: Path) -> tuple[int, int] | None:
    """Identity of a file, None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
