"""The history as people read it: who did what, where and when, newest first.

A project of months holds a hundred thousand edits, so they are read a page at a time, by their number.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_emseg.core.codec import unpack_extras
from napari_emseg.core.edit import Region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.core.edit import Relabel
    from napari_emseg.core.journal import Journal


@dataclass(frozen=True, slots=True)
class Event:
    """One edit of the history.

    Attributes
    ----------
    id : int
        Number of the edit in the journal; higher is newer.
    name : str
        What was done, in words.
    source : str
        Who decided: "human", "model", "propagation" or "system".
    author : str
        Login name of the person at the window; empty where the system knows none.
    time : float
        Seconds since 1970, UTC.
    seconds : float or None
        How long the person took, where that was measured.
    model : str
        Current model at the time.
    sections : tuple of int
        First and last section whose labels or state were changed; empty where none was.
    region : Region or None
        Box around everything that was written or answered about; None where nothing was.
    state : str
        "done", "undone" (can be redone), "dropped" (undone, then replaced by newer work) or "forgotten" (stands, but is
        too old to be undone).
    """

    id: int
    name: str
    source: str
    author: str
    time: float
    seconds: float | None
    model: str
    sections: tuple[int, ...]
    region: Region | None
    state: str

    @property
    def undone(self) -> bool:
        """Whether it does not stand at present."""
        return self.state in ("undone", "dropped")

    @property
    def place(self) -> tuple[int, int, int] | None:
        """Voxel (z, y, x) to look at; None where the edit is nowhere in particular."""
        if self.region is not None:
            z, y, x = ((a + b - 1) // 2 for a, b in zip(self.region.start, self.region.stop, strict=True))
            return z, y, x
        return (self.sections[0], -1, -1) if self.sections else None


def count_events(journal: Journal, *, people_only: bool = False) -> int:
    """Number of edits ever made, those included that were taken back."""
    return int(journal.query(f"SELECT count(*) FROM edits{_where(people_only)}")[0][0])


def events(journal: Journal, *, first: int = 0, limit: int = 200, people_only: bool = False) -> list[Event]:
    """A page of the history, newest first.

    Parameters
    ----------
    journal : Journal
        May be open read-only, and being written by another process.
    first : int
        How many newer ones to skip.
    limit : int
        Length of the page.
    people_only : bool
        Leave out what models and propagation wrote.
    """
    rows = journal.query(
        "SELECT id, name, source, author, time, seconds, model, state, extras FROM edits"
        f"{_where(people_only)} ORDER BY id DESC LIMIT ? OFFSET ?",
        limit,
        first,
    )
    return _events(journal, rows)


def event(journal: Journal, number: int) -> Event | None:
    """One edit by its number, None if there is none."""
    rows = journal.query(
        "SELECT id, name, source, author, time, seconds, model, state, extras FROM edits WHERE id = ?", number
    )
    found = _events(journal, rows)
    return found[0] if found else None


def label_state(journal: Journal) -> int:
    """Names the labels as they are now: the newest edit that stands and changed some; 0 where there is none.

    Undo is a stack, so the newest edit that stands says which others do: after undo the number is again what it was, and
    redo brings the later one back. Marks and locks change no labels.
    """
    rows = journal.query(
        "SELECT id FROM edits WHERE state IN ('done', 'forgotten') AND "
        "(EXISTS (SELECT 1 FROM patches WHERE edit = edits.id)"
        + (" OR EXISTS (SELECT 1 FROM relabels WHERE edit = edits.id)" if journal.has_relabels else "")
        + ") ORDER BY id DESC LIMIT 1"
    )
    return int(rows[0][0]) if rows else 0


def _where(people_only: bool) -> str:
    return " WHERE source IN ('human', 'system')" if people_only else ""


def _events(journal: Journal, rows: Sequence[Any]) -> list[Event]:
    if not rows:
        return []
    numbers = [row[0] for row in rows]
    boxes = {
        row[0]: row[1:]
        for row in journal.query(
            "SELECT edit, min(z0), min(y0), min(x0), max(z1), max(y1), max(x1) FROM patches "
            f"WHERE edit IN ({','.join('?' * len(numbers))}) GROUP BY edit",
            *numbers,
        )
    }
    return [_event(row, boxes.get(row[0])) for row in rows]


def _event(row: Sequence[Any], box: Sequence[int] | None) -> Event:
    number, name, source, author, when, seconds, model, state, extras = row
    region = None if box is None else Region((box[0], box[1], box[2]), (box[3], box[4], box[5]))
    touched = set(_marked(extras))
    relabel = _relabelled(extras)
    if relabel is not None:
        region = relabel.region
        touched.update(relabel.sections)
    if region is None:
        region = _answered(extras)
    if region is not None:
        touched |= {region.start[0], region.stop[0] - 1}
    ends = tuple(sorted({min(touched), max(touched)})) if touched else ()
    return Event(number, name, source, author, when, seconds, model, ends, region, state)


def _marked(extras: str) -> list[int]:
    """Sections whose state an edit changes; nothing where the note cannot be read."""
    try:
        return [int(mark[0]) for mark in json.loads(extras or "{}").get("marks", [])]
    except (ValueError, TypeError, AttributeError, IndexError, KeyError):
        return []


def _answered(extras: str) -> Region | None:
    """A box around the synaptic sites that an edit answers about; None where there are none."""
    try:
        sites = [a.sites for a in unpack_extras(extras)[3]]
    except (ValueError, TypeError, AttributeError, IndexError, KeyError):
        return None
    if not sites:
        return None
    z, y, x = ([v for one in sites for v in (one[k], one[k + 3])] for k in range(3))
    return Region((min(z), min(y), min(x)), (max(z) + 1, max(y) + 1, max(x) + 1))


def _relabelled(extras: str) -> Relabel | None:
    """What a change of ids everywhere says about its place; nothing where the note cannot be read."""
    try:
        return unpack_extras(extras)[2]
    except (ValueError, TypeError, AttributeError, IndexError, KeyError):
        return None
