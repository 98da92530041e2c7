"""The history reads newest first, a page at a time, however long it is."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.chronicle import count_events, event, events
from napari_emseg.core.edit import Edit, Mark, Patch, Region
from napari_emseg.core.journal import Journal
from napari_emseg.core.sections import SectionState, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNSEEN, DONE = SectionState(), SectionState(Status.PROOFREAD)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal.create(tmp_path / "journal.sqlite", np.dtype(np.uint32))
    yield made
    made.close()


def painted(z: int, y: int, x: int, *more: int, name: str = "paint", source: str = "human") -> Edit:
    patches = []
    for section in (z, *more):
        region = Region((section, y, x), (section + 1, y + 2, x + 4))
        before = np.zeros(region.shape, np.uint32)
        patches.append(Patch(region, before, before + 5))
    return Edit(name, source, tuple(patches))  # type: ignore[arg-type]


def test_who_did_what_where_and_when(journal: Journal) -> None:
    began = time.time()
    journal.record(painted(3, 10, 20), max_id=5, model="membrane", seconds=1.5)
    journal.record(painted(4, 0, 0, 7, name="segment", source="model"), max_id=5, model="membrane")
    journal.record(Edit("mark section 4 proofread", "human", (), (Mark(4, UNSEEN, DONE),)), max_id=5)
    mark, segment, paint = events(journal)
    assert (paint.name, paint.source, paint.model, paint.seconds) == ("paint", "human", "membrane", 1.5)
    assert began <= paint.time <= time.time()
    assert paint.author == journal._author
    assert (paint.sections, paint.place) == ((3,), (3, 10, 21))
    assert segment.sections == (4, 7)
    assert segment.region == Region((4, 0, 0), (8, 2, 4))
    assert (mark.sections, mark.region, mark.place) == ((4,), None, (4, -1, -1))
    assert [e.id for e in events(journal, people_only=True)] == [mark.id, paint.id]
    assert count_events(journal) == 3
    assert count_events(journal, people_only=True) == 2
    assert event(journal, paint.id) == paint
    assert event(journal, 99) is None


def test_what_was_taken_back_stays_in_the_list(journal: Journal) -> None:
    entry, _ = journal.record(painted(1, 0, 0), max_id=5)
    journal.turn(entry.id, painted(1, 0, 0).inverse(), -1, (0, ()))
    assert [(e.state, e.undone) for e in events(journal)] == [("undone", True)]
    journal.record(painted(2, 0, 0), max_id=5)
    assert [(e.state, e.undone) for e in events(journal)] == [("done", False), ("dropped", True)]


def test_pages_follow_each_other(journal: Journal) -> None:
    for z in range(7):
        journal.record(painted(z, 0, 0), max_id=5)
    pages = [events(journal, first=first, limit=3) for first in (0, 3, 6, 9)]
    assert [[e.sections[0] for e in page] for page in pages] == [[6, 5, 4], [3, 2, 1], [0], []]


def test_a_hundred_thousand_edits_are_read_a_page_at_a_time(journal: Journal) -> None:
    fill(journal, 100_000)
    steps: list[int] = []
    journal._db.set_progress_handler(lambda: steps.append(1) and None, 1000)
    assert count_events(journal) == 100_000
    assert [e.id for e in events(journal, limit=200)] == list(range(100_000, 99_800, -1))
    assert events(journal, first=99_990, limit=200)[-1].sections == (0,)
    # thousands of steps of SQLite's machine: reading every patch would take a million
    assert len(steps) < 1500


def fill(journal: Journal, n: int) -> None:
    """Many small edits at once, without an fsync each."""
    db: sqlite3.Connection = journal._db
    db.execute("BEGIN")
    db.executemany(
        "INSERT INTO edits (id, name, source, author, time, model, seconds, state, nbytes, extras) "
        "VALUES (?, 'paint', 'human', 'anna', ?, 'membrane', 1.0, 'done', 20, '')",
        ((i, 1.7e9 + 30 * i) for i in range(1, n + 1)),
    )
    db.executemany(
        "INSERT INTO patches (edit, n, z0, y0, x0, z1, y1, x1, before, after) "
        "VALUES (?, 0, ?, 10, 10, ?, 14, 14, x'00', x'00')",
        ((i, (i - 1) % 50, (i - 1) % 50 + 1) for i in range(1, n + 1)),
    )
    db.execute("COMMIT")
