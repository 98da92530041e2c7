"""What was brought in from which copy, so that importing it once more brings only what is new since.

``imports.json`` in the project folder has one record an import: up to which row of the copy's log it went, a digest of that
row to know the copy again, which ids its new objects have here, and which edit of ours it was.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from napari_emseg.core.atomic import write_atomic
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from pathlib import Path

    from napari_emseg.core.journal import Journal

FILE = "imports.json"
_VERSION = 1
_DIGITS = 16


@dataclass(frozen=True)
class Import:
    """How far a copy has been brought in.

    Parameters
    ----------
    seen : int
        Place in the copy's log up to which its edits are known here.
    row : str
        Digest of what stands at that place.
    ids : dict of int to int
        Objects that are new in the copy: their ids there, to their ids here.
    """

    seen: int
    row: str
    ids: dict[int, int] = field(default_factory=dict)
    edit: int = 0
    """Number of the edit that brought it in; 0 where nothing had to be changed."""


def end_of(journal: Journal) -> Import:
    """The present end of a copy's log, without ids."""
    seen = int(journal.query("SELECT coalesce(max(seq), 0) FROM log")[0][0])
    return Import(seen, _row(journal, seen))


def known_of(folder: Path, journal: Journal, position: int, ours: Journal | None = None) -> Import | None:
    """How far the copy that a journal belongs to has been brought into a project.

    Parameters
    ----------
    folder : Path
        The project.
    journal : Journal
        Of the copy.
    position : int
        Place in the log up to which both are the same; imports from before are part of both.
    ours : Journal, optional
        Of the project: imports that are undone there are left out then.

    Returns
    -------
    Import or None
        The furthest one, with the ids of all; None if there was none.
    """
    found = [
        one
        for one in _load(folder)
        if one.seen > position
        and one.row == _row(journal, one.seen)
        and (ours is None or not was_undone(one, ours))
    ]
    if not found:
        return None
    found.sort(key=lambda one: one.seen)
    ids = {theirs: ours for one in found for theirs, ours in one.ids.items()}
    return replace(found[-1], ids=ids)


def was_taken_back(done: Import, journal: Journal) -> bool:
    """Whether an import was undone, or an earlier moment may have been restored over it.

    Parameters
    ----------
    done : Import
    journal : Journal
        Of the project into which it went.
    """
    if not done.edit:
        return False
    restored = journal.query(
        "SELECT 1 FROM edits WHERE id > ? AND state = 'done' AND name LIKE 'restore %moment%' LIMIT 1",
        done.edit,
    )
    return was_undone(done, journal) or bool(restored)


def was_undone(done: Import, journal: Journal) -> bool:
    """Whether the edit that brought an import in was undone, and not done again."""
    if not done.edit:
        return False
    state = journal.query("SELECT state FROM edits WHERE id = ?", done.edit)
    return not state or state[0][0] != "done"


def remember_import(folder: Path, done: Import) -> None:
    """Note an import; a record of the same place is replaced.

    Raises
    ------
    EmsegError
        If the folder cannot be written.
    """
    others = [one for one in _load(folder) if (one.seen, one.row) != (done.seen, done.row)]
    rows = [
        {"seen": one.seen, "row": one.row, "edit": one.edit, "ids": sorted(one.ids.items())}
        for one in (*others, done)
    ]  # fmt: skip
    try:
        write_atomic(folder / FILE, json.dumps({"version": _VERSION, "imports": rows}).encode())
    except OSError as error:
        raise EmsegError(
            f"the corrections are in, but it could not be noted up to where ({error.strerror})",
            str(folder / FILE),
            "the next import from this copy may ask about some of them again",
        ) from error


def _load(folder: Path) -> list[Import]:
    """All records; a file that cannot be understood counts as none, and then imports ask more than they need to."""
    try:
        content: Any = json.loads((folder / FILE).read_text("utf-8"))
        if content["version"] != _VERSION:
            return []
        return [
            Import(
                int(one["seen"]),
                str(one["row"]),
                {int(a): int(b) for a, b in one["ids"]},
                int(one["edit"]),
            )
            for one in content["imports"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _row(journal: Journal, seq: int) -> str:
    rows = journal.query(
        "SELECT l.seq, l.edit, l.direction, e.name, e.author, e.time FROM log l JOIN edits e ON e.id = l.edit "
        "WHERE l.seq = ?",
        seq,
    )
    return hashlib.sha256(repr(tuple(rows[0])).encode()).hexdigest()[:_DIGITS] if rows else ""
