"""The journal on its own: exact patches back, damage noticed, read-only opening."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_emseg.core import codec, database
from napari_emseg.core.edit import Edit, Lock, Mark, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.journal import Journal
from napari_emseg.core.rebuild import rebuild_page
from napari_emseg.core.sections import SectionState, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BOX = Region((1, 2, 3), (3, 6, 8))


def edit(before: int, after: int, source: str = "human") -> Edit:
    arrays = [np.full(BOX.shape, value, np.uint32) for value in (before, after)]
    marks = (Mark(2, SectionState(), SectionState(Status.EXCLUDED, "fold: Falte")),)
    return Edit(f"{before} to {after}", source, (Patch(BOX, *arrays),), marks, (Lock(5, False, True),))  # type: ignore[arg-type]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal.create(tmp_path / "journal.sqlite", np.dtype(np.uint32))
    yield journal
    journal.close()


def test_an_edit_comes_back_as_it_was(journal: Journal) -> None:
    rng = np.random.default_rng(0)
    patch = Patch(BOX, *(rng.integers(0, 2**32, BOX.shape, dtype=np.uint32) for _ in range(2)))
    given = Edit("paint", "human", (patch, patch.inverse()), edit(0, 1).marks, edit(0, 1).locks)
    entry, position = journal.record(given, max_id=7, model="membrane")
    got = journal.read(entry.id)
    assert (got.name, got.source, got.marks, got.locks) == (
        given.name,
        given.source,
        given.marks,
        given.locks,
    )
    for a, b in zip(got.patches, given.patches, strict=True):
        assert a.region == b.region
        np.testing.assert_array_equal(a.before, b.before)
        np.testing.assert_array_equal(a.after, b.after)
        assert a.after.dtype == np.uint32
    assert (position, journal.position, journal.max_id, journal.checkpoint) == (1, 1, 7, 0)


def test_it_is_wal_and_every_commit_is_synced(journal: Journal) -> None:
    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_large_patches_are_stored_in_pieces(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "_PIECE", 20)  # one section of the box
    monkeypatch.setattr(codec, "_PARALLEL_BYTES", 0)
    entry, _ = journal.record(edit(0, 4), max_id=4)
    got = journal.read(entry.id)
    assert [p.region for p in got.patches] == [Region((1, 2, 3), (2, 6, 8)), Region((2, 2, 3), (3, 6, 8))]
    assert all(np.all(p.after == 4) for p in got.patches)


def test_states_follow_the_log(journal: Journal) -> None:
    entry, _ = journal.record(edit(0, 1), max_id=1)
    assert journal.section_states() == {2: SectionState(Status.EXCLUDED, "fold: Falte")}
    assert journal.locked() == {5}
    assert journal.corrections() == {1: 1, 2: 1}
    journal.turn(entry.id, edit(0, 1).inverse(), -1)
    assert journal.section_states() == {2: SectionState()}
    assert journal.locked() == set()
    assert journal.corrections() == {}
    assert [e.state for e in journal.kept()] == ["undone"]
    journal.record(edit(0, 2, "model"), max_id=2)
    assert [(e.name, e.state) for e in journal.kept()] == [("0 to 1", "dropped"), ("0 to 2", "done")]
    assert journal.corrections() == {}


def test_the_highest_ids_can_be_locked(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "large.sqlite", np.dtype(np.uint64))
    highest = 2**64 - 1
    entry, _ = journal.record(Edit("lock", "human", locks=(Lock(highest, False, True),)), max_id=highest)
    assert journal.locked() == {highest}
    journal.turn(entry.id, journal.read(entry.id).inverse(), -1)
    assert journal.locked() == set()
    journal.close()


def test_replay_gives_turns_in_order(journal: Journal) -> None:
    first, _ = journal.record(edit(0, 1), max_id=1)
    journal.record(edit(1, 2), max_id=2)
    journal.turn(first.id + 1, edit(1, 2).inverse(), -1)
    values = [(position, int(e.patches[0].after[0, 0, 0])) for position, e in journal.since(0)]
    assert values == [(1, 1), (2, 2), (3, 1)]
    assert [position for position, _ in journal.since(2)] == [3]
    page = rebuild_page(journal, (1, 0, 0))
    assert page is not None
    assert (page.data[2, 3], page.data.sum(), page.position) == (1, 20, 3)


def test_patches_go_only_when_nothing_needs_them(journal: Journal) -> None:
    first, _ = journal.record(edit(0, 1), max_id=1)
    journal.record(edit(1, 2), max_id=2, forget=[first.id])
    assert journal.read(first.id).patches  # a crash now would have to replay it
    journal.note_checkpoint(1, [(1, 0, 0)])
    with pytest.raises(EmsegError, match="this edit was forgotten"):
        journal.read(first.id)
    assert journal.read(first.id + 1).patches
    assert not journal.is_complete()
    assert rebuild_page(journal, (1, 0, 0)) is None
    assert rebuild_page(journal, (0, 0, 0)) is not None
    assert journal.knows_chunk((1, 0, 0))
    assert not journal.knows_chunk((2, 0, 0))


def test_a_damaged_patch_is_one_sentence(journal: Journal) -> None:
    entry, _ = journal.record(edit(0, 1), max_id=1)
    raw = journal._db.execute("SELECT after FROM patches").fetchone()[0]
    journal._db.execute("UPDATE patches SET after = ?", (raw[:-2],))
    with pytest.raises(EmsegError, match=r"the journal is damaged, .*backup"):
        journal.read(entry.id)


def test_read_only_sees_the_log_and_writes_nothing(journal: Journal) -> None:
    journal.record(edit(0, 1), max_id=1)
    reader = Journal.open_read_only(journal.path)
    assert [e.name for e in reader.kept()] == ["0 to 1"]
    with pytest.raises(EmsegError, match="read-only"):
        reader.record(edit(1, 2), max_id=2)
    reader.close()


def test_read_only_where_sqlite_may_not_make_its_files(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a read-only disk SQLite cannot open a WAL database in place."""
    journal.record(edit(0, 1), max_id=1)
    real = sqlite3.connect

    def connect(path: object, *args: object, **options: object) -> sqlite3.Connection:
        if "mode=ro" in str(path):
            raise sqlite3.OperationalError("unable to open database file")
        return real(path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(database.sqlite3, "connect", connect)
    reader = Journal.open_read_only(journal.path)
    assert [e.name for e in reader.kept()] == ["0 to 1"]
    reader.close()


@pytest.mark.parametrize("opener", [Journal.open, Journal.open_read_only])
def test_a_journal_that_is_refused_is_let_go(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, opener: Callable[[Path], Journal]
) -> None:
    """On Windows nobody could put another one in its place otherwise."""
    journal.close()
    content = bytearray(journal.path.read_bytes())
    content[100:] = b"x" * (len(content) - 100)
    journal.path.write_bytes(content)
    made, real = [], sqlite3.connect

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        made.append(real(*args, **options))
        return made[-1]

    monkeypatch.setattr(database.sqlite3, "connect", connect)
    with pytest.raises(EmsegError, match="damaged"):
        opener(journal.path)
    assert made
    for db in made:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            db.execute("SELECT 1")


def test_ids_beyond_what_sqlite_counts(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "big.sqlite", np.dtype(np.uint64))
    box = Region((0, 0, 0), (1, 1, 1))
    patch = Patch(box, np.zeros(box.shape, np.uint64), np.full(box.shape, 2**64 - 1, np.uint64))
    entry, _ = journal.record(Edit("big", "human", (patch,)), max_id=2**64 - 1)
    assert journal.max_id == 2**64 - 1
    assert journal.read(entry.id).patches[0].after[0, 0, 0] == 2**64 - 1
    journal.close()


def test_two_journals_cannot_share_a_place(journal: Journal) -> None:
    with pytest.raises(EmsegError, match="already a journal"):
        Journal.create(journal.path, np.dtype(np.uint32))


def test_a_stroke_asks_an_index_for_what_is_undone(journal: Journal) -> None:
    plan = journal._db.execute(
        "EXPLAIN QUERY PLAN UPDATE edits SET state = 'dropped' WHERE state = 'undone'"
    ).fetchall()
    assert "edits_undone" in plan[0][-1]


def test_an_earlier_journal_gets_the_index_when_it_is_opened(journal: Journal) -> None:
    journal._db.execute("DROP INDEX edits_undone")
    journal.close()
    again = Journal.open(journal.path)
    names = again.rows("SELECT name FROM sqlite_master WHERE type = 'index' AND name = 'edits_undone'")
    again.close()
    assert names == [("edits_undone",)]


def kept(journal: Journal) -> list[int]:
    return [row[0] for row in journal.rows("SELECT edit FROM patches WHERE before IS NOT NULL ORDER BY edit")]


def test_given_up_edits_are_emptied_once_they_are_on_disk_and_each_only_once(journal: Journal) -> None:
    places = [journal.record(edit(n, n + 1), max_id=9)[1] for n in range(4)]
    journal.record(edit(4, 5), max_id=9, forget=[1, 2, 3])
    assert kept(journal) == [1, 2, 3, 4, 5]  # nothing is on disk yet: all are needed to replay
    journal.note_checkpoint(places[1], [])
    assert kept(journal) == [3, 4, 5]
    assert journal.meta("purged", 0) == 2
    journal.note_checkpoint(places[3], [])
    assert kept(journal) == [4, 5]
    assert journal.meta("purged", 0) == 3


def test_an_edit_that_was_touched_again_is_emptied_when_that_is_on_disk(journal: Journal) -> None:
    places = [journal.record(edit(n, n + 1), max_id=9)[1] for n in range(2)]
    back = journal.turn(2, journal.read(2).inverse(), -1)
    journal.record(edit(1, 3), max_id=9, forget=[1, 2])  # the second is dropped, and given up with the first
    journal.note_checkpoint(places[1], [])
    assert kept(journal) == [2, 3]
    journal.note_checkpoint(back, [])
    assert kept(journal) == [3]


def test_an_edit_that_was_compressed_before_is_recorded_as_it_is(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = edit(0, 4), edit(0, 5)
    ready = codec.PackedEdit.of(one, journal.dtype)
    journal.record(other, max_id=5, ready=ready)
    assert journal.read(1).highest_id == 5, "what is compressed is another edit"
    monkeypatch.setattr("napari_emseg.core.journal.pack", lambda *_: pytest.fail("compressed again"))
    entry, _ = journal.record(one, max_id=5, ready=ready)
    assert entry.nbytes > 0
    assert journal.read(entry.id).highest_id == 4
