"""Tables of the journal, and how an older journal becomes one of this version.

edits : what was done, by whom, when, with what and for how long; whether it stands (done), is taken back (undone),
    was replaced by newer work (dropped) or can no longer be taken back (forgotten)
patches : voxels before and after, compressed; emptied once the history is too long to keep them
relabels : edits that changed ids everywhere; the ids stand in ``edits.extras``
log : edits in the order in which they were applied (+1) and taken back (-1)
versions : what takes a page back over a relabel that it has gone through
places : ids that a page has held, so that objects are found without reading the volume
sections, locked : present state of sections and objects
chunks : chunks that were written to disk, so that a lost one is noticed
meta : label type; ``checkpoint``: everything in the log up to here is on disk; ``max_id``;
    ``forgotten``: edits up to this one can no longer be taken back; ``compacted``: relabels up to this one have
    gone through every page; ``purged``: given up edits up to this one have empty patches; ``retired``: relabels up
    to this one are no longer needed; ``indexed``: whether ``places`` knows every page
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_emseg.core.grid import ChunkKey

VERSION = 2
APPLICATION = 0x656D7365  # "emse": tells our files from other SQLite databases

_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE edits (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, source TEXT NOT NULL,
    author TEXT NOT NULL, time REAL NOT NULL, model TEXT NOT NULL, seconds REAL, state TEXT NOT NULL,
    nbytes INTEGER NOT NULL, extras TEXT NOT NULL);
CREATE TABLE patches (edit INTEGER NOT NULL, n INTEGER NOT NULL, z0 INTEGER NOT NULL, y0 INTEGER NOT NULL,
    x0 INTEGER NOT NULL, z1 INTEGER NOT NULL, y1 INTEGER NOT NULL, x1 INTEGER NOT NULL,
    before BLOB, after BLOB, PRIMARY KEY (edit, n));
CREATE TABLE log (seq INTEGER PRIMARY KEY AUTOINCREMENT, edit INTEGER NOT NULL, direction INTEGER NOT NULL);
CREATE TABLE sections (section INTEGER PRIMARY KEY, status TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE locked (id INTEGER PRIMARY KEY);
CREATE TABLE chunks (z INTEGER, y INTEGER, x INTEGER, PRIMARY KEY (z, y, x)) WITHOUT ROWID;
"""

_SECOND = """
ALTER TABLE edits ADD COLUMN tool TEXT NOT NULL DEFAULT '';
CREATE TABLE relabels (edit INTEGER PRIMARY KEY);
CREATE TABLE versions (z INTEGER, y INTEGER, x INTEGER, newer INTEGER, older INTEGER NOT NULL,
    y0 INTEGER NOT NULL, x0 INTEGER NOT NULL, height INTEGER NOT NULL, width INTEGER NOT NULL, before BLOB,
    PRIMARY KEY (z, y, x, newer));
CREATE INDEX versions_of ON versions (newer);
CREATE TABLE places (id INTEGER, z INTEGER, y INTEGER, x INTEGER, PRIMARY KEY (id, z, y, x)) WITHOUT ROWID;
CREATE INDEX log_of ON log (edit);
"""


_UNDONE = "CREATE INDEX IF NOT EXISTS edits_undone ON edits (state) WHERE state = 'undone'"
"""Every edit asks for those that are undone: without it, that would take longer with every edit there is."""


def make(db: sqlite3.Connection, dtype_name: str) -> None:
    """Make the tables of an empty journal."""
    db.executescript(f"BEGIN; {_FIRST} {_SECOND} {_UNDONE}; COMMIT;")
    start = {"dtype": dtype_name, "checkpoint": 0, "max_id": 0, "indexed": 1}
    db.executemany("INSERT INTO meta VALUES (?, ?)", list(start.items()))
    db.execute(f"PRAGMA application_id = {APPLICATION}")
    db.execute(f"PRAGMA user_version = {VERSION}")


def bring_up_to_date(db: sqlite3.Connection) -> None:
    """Add what an older journal lacks, as a whole or not at all; nothing that it holds is changed."""
    if version_of(db) < VERSION:
        db.executescript(
            f"BEGIN IMMEDIATE; {_SECOND} INSERT OR REPLACE INTO meta VALUES ('indexed', 0); "
            f"PRAGMA user_version = {VERSION}; COMMIT;"
        )
    with suppress(sqlite3.OperationalError):  # on a full disk the project opens all the same, and is slower
        db.execute(_UNDONE)


def purge(db: sqlite3.Connection, checkpoint: int, forgotten: int, purged: int = 0) -> int:
    """Empty what can be neither taken back, nor restored, nor replayed any more.

    Parameters
    ----------
    db : sqlite3.Connection
        In a transaction.
    checkpoint : int
        Everything in the log up to here is on disk.
    forgotten : int
        Edits up to this one were given up.
    purged : int
        What this function has given the last time: edits up to this one are empty already.

    Returns
    -------
    int
        Edits up to this one are empty now.
    """
    waiting = "SELECT edit FROM log WHERE seq > :checkpoint"
    values = {"forgotten": forgotten, "checkpoint": checkpoint, "purged": purged}
    if purged < forgotten:
        db.execute(
            "UPDATE patches SET before = NULL, after = NULL WHERE before IS NOT NULL AND edit IN "
            "(SELECT id FROM edits WHERE id > :purged AND id <= :forgotten "
            f"AND state IN ('dropped', 'forgotten') AND id NOT IN ({waiting}))",
            values,
        )
    # a file may still hold ids that went through a dropped relabel: its way back is needed until it is rewritten
    db.execute(
        f"DELETE FROM versions WHERE newer <= :forgotten AND newer NOT IN ({waiting}) "
        "AND EXISTS (SELECT 1 FROM edits WHERE id = newer AND state = 'forgotten')",
        values,
    )
    first = db.execute(f"SELECT min(edit) FROM ({waiting})", {"checkpoint": checkpoint}).fetchone()[0]
    return max(purged, forgotten if first is None else min(forgotten, first - 1))


def go_on_after(db: sqlite3.Connection, position: int, number: int) -> None:
    """Give no place in the log up to this one, and no number of an edit up to this one, any more (in a transaction).

    What lies where has to be looked up anew: pages hold ids that this journal does not know.
    """
    for table, value in (("log", position), ("edits", number)):
        db.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (value, table))
        db.execute(
            "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2 "
            "WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
            (table, value),
        )
    db.execute("INSERT OR REPLACE INTO meta VALUES ('indexed', 0)")


def go_back_to(db: sqlite3.Connection, position: int, chunks: Iterable[ChunkKey]) -> None:
    """The labels hold no more than what was done up to a place in the log, in these chunks (in a transaction)."""
    db.execute("DELETE FROM chunks")
    db.executemany("INSERT INTO chunks VALUES (?, ?, ?)", chunks)
    for key, value in (("checkpoint", position), ("compacted", 0)):
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def version_of(db: sqlite3.Connection) -> int:
    """Version of a journal's tables."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])
