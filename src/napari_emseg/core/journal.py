"""The journal: every edit, durable before its caller goes on. SQLite in WAL mode.

``synchronous=FULL``: each commit is fsynced into the write-ahead log, so an edit survives not only a killed
program, for which NORMAL would do, but also a power cut. It costs one fsync per edit (`benchmarks/
paint_durability.py` measures it), far below the 100 ms that a person would accept after letting the mouse go.

`core.schema` lists the tables.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.core.author import author
from napari_emseg.core.codec import PackedPatch, pack, pack_extras, signed, unpack, unpack_extras, unsigned
from napari_emseg.core.correction_counts import corrections_in
from napari_emseg.core.database import checked, connect, connect_read_only, damaged, inode, or_close, refusing
from napari_emseg.core.edit import Edit, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.log_guard import LogGuard
from napari_emseg.core.schema import APPLICATION, VERSION, bring_up_to_date, make, purge, version_of
from napari_emseg.core.sections import SectionState, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from napari_emseg.core.codec import PackedEdit
    from napari_emseg.core.grid import ChunkKey

State = Literal["done", "undone", "dropped", "forgotten"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history."""

    id: int
    name: str
    source: str
    nbytes: int
    state: State


class Journal:
    """The journal of one project.

    Made by `create`, `open` or `open_read_only`. May be read from any thread; written by one.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self._db = connection
        self._lock = threading.RLock()
        self._author = author()
        self.patience_ms = int(connection.execute("PRAGMA busy_timeout").fetchone()[0])  # with other programs
        self.has_relabels = version_of(connection) >= 2  # an older one that is only read lacks the tables
        self.dtype = np.dtype(str(self.meta("dtype", "uint32")))
        self._inode = inode(path)
        self._log_guard = LogGuard(path)

    # --- opening -------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: Path, dtype: np.dtype[Any]) -> Journal:
        """An empty journal for labels of this type.

        Raises
        ------
        EmsegError
            If there is one already, or the place cannot be written.
        """
        if path.exists():
            raise EmsegError("there is already a journal here", str(path), "choose another folder")
        with refusing(path):
            db = connect(path)
            with or_close(db):
                make(db, dtype.name)
                return cls(path, db)

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Open for writing; a journal of an earlier version becomes one of this version.

        Raises
        ------
        EmsegError
            If it is missing, damaged, not ours, or from a newer version.
        """
        db = checked(path, connect, APPLICATION, VERSION)
        with or_close(db):
            with refusing(path):
                bring_up_to_date(db)
            return cls(path, db)

    @classmethod
    def open_read_only(cls, path: Path) -> Journal:
        """Open without changing anything, also while another process writes, also on a read-only disk."""
        db = checked(path, connect_read_only, APPLICATION, VERSION)
        with or_close(db):
            return cls(path, db, read_only=True)

    def close(self) -> None:
        """Close the database; a second call does nothing."""
        with self._lock:
            self._db.close()

    # --- writing -------------------------------------------------------------------------------

    @contextmanager
    def transaction(self, what: str) -> Iterator[sqlite3.Connection]:
        """All or nothing, and durable at the end; ``what`` is said not to be saved if the disk refuses."""
        if self.read_only:
            raise EmsegError("this project is read-only", str(self.path))
        if inode(self.path) != self._inode:
            raise EmsegError(
                f"{what} is not saved: the journal has disappeared or was replaced",
                str(self.path),
                "put the folder back, then close and open the project",
            )
        with self._lock, refusing(self.path, what):
            if self._db.in_transaction:  # a disk that failed has left it open
                self._db.execute("ROLLBACK")
            self._db.execute(f"PRAGMA busy_timeout = {self.patience_ms}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            self._db = self._log_guard.after_commit(self._db)

    def record(
        self,
        edit: Edit,
        *,
        max_id: int,
        model: str = "",
        tool: str = "",
        seconds: float | None = None,
        forget: Sequence[int] = (),
        checkpoint: tuple[int, Iterable[ChunkKey]] | None = None,
        ready: PackedEdit | None = None,
    ) -> tuple[Entry, int]:
        """Make a new edit durable; what was undone before is dropped.

        Parameters
        ----------
        edit : Edit
            What is about to be applied, or was painted already.
        max_id : int
            Highest id in use after it.
        model : str
            Current model, for the record.
        tool : str
            What the person held; by default the first word of the edit's name.
        seconds : float, optional
            How long the person took.
        forget : sequence of int
            Edits that can no longer be taken back or restored from now on.
        checkpoint : (int, chunk keys), optional
            Labels up to this log position are on disk, in these newly written chunks.
        ready : PackedEdit, optional
            The same edit, compressed already.

        Returns
        -------
        entry : Entry
        position : int
            Place in the log.

        Raises
        ------
        EmsegError
            If the disk refuses. The journal is then as before.
        """
        packed = ready.patches if ready is not None and ready.edit is edit else pack(edit, self.dtype)
        extras = pack_extras(edit)
        nbytes = sum(p.nbytes for p in packed) + len(extras)
        with self.transaction(edit.name) as db:
            db.execute("UPDATE edits SET state = 'dropped' WHERE state = 'undone'")
            if forget:
                db.executemany(
                    "UPDATE edits SET state = 'forgotten' WHERE id = ? AND state = 'done'",
                    [(i,) for i in forget],
                )
                self.set_meta(db, "forgotten", max(self.meta("forgotten", 0), *forget))
            tool = tool or edit.name.partition(" ")[0]
            row = (edit.name, edit.source, self._author, time.time(), model, tool, seconds, nbytes, extras)
            number = db.execute(
                "INSERT INTO edits (name, source, author, time, model, tool, seconds, state, nbytes, extras) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, 'done', ?, ?)",
                row,
            ).lastrowid
            assert number is not None
            if edit.relabel is not None:
                db.execute("INSERT INTO relabels VALUES (?)", (number,))
            db.executemany(
                "INSERT INTO patches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (number, n, *p.region.start, *p.region.stop, p.before, p.after)
                    for n, p in enumerate(packed)
                ],
            )
            position = self._log(db, number, 1, edit)
            self.set_meta(db, "max_id", str(max_id))  # text: SQLite integers end at 2**63
            self._checkpoint(db, checkpoint)
        return Entry(number, edit.name, edit.source, nbytes, "done"), position

    def turn(
        self,
        number: int,
        edit: Edit,
        direction: Literal[1, -1],
        checkpoint: tuple[int, Iterable[ChunkKey]] | None = None,
    ) -> int:
        """Record that an edit was taken back (-1) or done again (1); ``edit`` is what gets applied."""
        with self.transaction(edit.name) as db:
            state = "done" if direction == 1 else "undone"
            db.execute("UPDATE edits SET state = ? WHERE id = ?", (state, number))
            if edit.relabel is not None and direction == -1:
                self.set_meta(db, "compacted", min(self.meta("compacted", 0), number - 1))
            position = self._log(db, number, direction, edit)
            self._checkpoint(db, checkpoint)
        return position

    def note_checkpoint(self, position: int, written: Iterable[ChunkKey]) -> None:
        """Record that the labels on disk hold everything up to a log position."""
        with self.transaction("the position of the last save") as db:
            self._checkpoint(db, (position, written))

    def _log(self, db: sqlite3.Connection, number: int, direction: int, edit: Edit) -> int:
        """Append to the log, and bring the present states up to date."""
        position = db.execute(
            "INSERT INTO log (edit, direction) VALUES (?, ?)", (number, direction)
        ).lastrowid
        assert position is not None
        db.executemany(
            "INSERT OR REPLACE INTO sections VALUES (?, ?, ?)",
            [(m.section, m.after.status, m.after.reason) for m in edit.marks],
        )
        for lock in edit.locks:
            sql = (
                "INSERT OR IGNORE INTO locked VALUES (?)" if lock.after else "DELETE FROM locked WHERE id = ?"
            )
            db.execute(sql, (signed(lock.object_id),))
        return position

    def _checkpoint(self, db: sqlite3.Connection, checkpoint: tuple[int, Iterable[ChunkKey]] | None) -> None:
        if checkpoint is None:
            return
        position, written = checkpoint
        db.executemany("INSERT OR IGNORE INTO chunks VALUES (?, ?, ?)", list(written))
        if position <= self.checkpoint:
            return
        self.set_meta(db, "checkpoint", position)
        purged = self.meta("purged", 0)
        if (now := purge(db, position, self.meta("forgotten", 0), purged)) != purged:
            self.set_meta(db, "purged", now)

    # --- reading -------------------------------------------------------------------------------

    @property
    def checkpoint(self) -> int:
        """Labels on disk hold everything up to this log position."""
        return int(self.meta("checkpoint", 0))

    @property
    def position(self) -> int:
        """The last log position."""
        return int(self.rows("SELECT coalesce(max(seq), 0) FROM log")[0][0])

    @property
    def last_edit(self) -> int:
        """The highest number of an edit."""
        return int(self.rows("SELECT coalesce(max(id), 0) FROM edits")[0][0])

    @property
    def max_id(self) -> int:
        """Highest id that any edit used."""
        return int(self.meta("max_id", 0))

    def kept(self) -> list[Entry]:
        """Edits that can be undone, redone or restored, oldest first."""
        rows = self.rows(
            "SELECT id, name, source, nbytes, state FROM edits WHERE state IN ('done', 'undone') "
            "OR (state = 'dropped' AND id > ?) ORDER BY id",
            self.meta("forgotten", 0),
        )
        return [Entry(*row) for row in rows]

    def read(self, number: int) -> Edit:
        """One edit with its patches.

        Raises
        ------
        EmsegError
            If it was forgotten, or the journal is damaged.
        """
        edits = self.rows("SELECT name, source, extras FROM edits WHERE id = ?", number)
        rows = self.rows(
            "SELECT z0, y0, x0, z1, y1, x1, before, after FROM patches WHERE edit = ? ORDER BY n", number
        )
        if not edits or any(row[6] is None or row[7] is None for row in rows):
            raise EmsegError("this edit was forgotten", f"edit {number} in {self.path}")
        name, source, extras = edits[0]
        try:
            patches = tuple(
                unpack(PackedPatch(Region(row[0:3], row[3:6]), row[6], row[7]), self.dtype) for row in rows
            )
            marks, locks, relabel, answers = unpack_extras(extras)
            if relabel is not None:
                relabel = replace(relabel, number=number)
            return Edit(name, source, patches, marks, locks, relabel, answers)
        except ValueError as error:
            raise damaged(self.path) from error

    def since(self, position: int) -> Iterator[tuple[int, Edit]]:
        """What was applied after a log position, in order: (position, edit or its inverse)."""
        for seq, number, direction in self.rows(
            "SELECT seq, edit, direction FROM log WHERE seq > ? ORDER BY seq", position
        ):
            edit = self.read(number)
            yield seq, edit if direction == 1 else edit.inverse()

    def knows_chunk(self, key: ChunkKey) -> bool:
        """Whether this chunk was written to disk before."""
        return bool(self.rows("SELECT 1 FROM chunks WHERE z = ? AND y = ? AND x = ?", *key))

    def is_complete(self) -> bool:
        """Whether the labels can be rebuilt from the journal alone, from blank to now."""
        return not self.rows(
            "SELECT 1 FROM log l JOIN patches p ON p.edit = l.edit WHERE p.before IS NULL LIMIT 1"
        )

    def turns(self) -> list[tuple[int, int, int]]:
        """The log, oldest first: (position, edit, direction)."""
        return list(self.rows("SELECT seq, edit, direction FROM log ORDER BY seq"))

    def relabels_at(self, position: int) -> list[int]:
        """Changes of ids that counted at a place in the log and are still needed, oldest first."""
        if not self.has_relabels:
            return []
        rows = self.rows(
            "SELECT r.edit FROM relabels r JOIN log l ON l.edit = r.edit WHERE l.seq <= ? AND r.edit > ? "
            "GROUP BY r.edit HAVING sum(l.direction) > 0 ORDER BY r.edit",
            position,
            self.meta("retired", 0),
        )
        return [row[0] for row in rows]

    def begin_again(self) -> None:
        """The label store was made anew and is blank: everything is to be replayed into it."""
        with self.transaction("the rebuilt label store") as db:
            for table in ("chunks", "versions", "places"):
                db.execute(f"DELETE FROM {table}")
            for key, value in (("checkpoint", 0), ("compacted", 0), ("retired", 0), ("indexed", 1)):
                self.set_meta(db, key, value)

    def section_states(self) -> dict[int, SectionState]:
        """Sections that are not unseen."""
        rows = self.rows("SELECT section, status, reason FROM sections")
        return {section: SectionState(Status(status), reason) for section, status, reason in rows}

    def locked(self) -> set[int]:
        """Ids of locked objects."""
        return {unsigned(row[0]) for row in self.rows("SELECT id FROM locked")}

    def corrections(self) -> dict[int, int]:
        """Section to number of standing human edits of its labels."""
        return corrections_in(self)

    def query(self, sql: str, *values: Any) -> list[Any]:
        """Rows of a reading query, for views of the history (`core.chronicle`)."""
        return self.rows(sql, *values)

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """All rows of a query."""
        with self._lock, refusing(self.path):
            return self._db.execute(sql, values).fetchall()

    def meta(self, key: str, default: Any) -> Any:
        """One fact about the journal as a whole."""
        rows = self.rows("SELECT value FROM meta WHERE key = ?", key)
        return rows[0][0] if rows else default

    def set_meta(self, db: sqlite3.Connection, key: str, value: Any) -> None:
        """Change such a fact, inside a transaction."""
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
