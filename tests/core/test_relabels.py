"""Merges and deletions as lines of the equivalence table: what ends up on disk, and what may go wrong."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import AbstractContextManager, closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr

from napari_emseg.core.edit import Edit, Relabel
from napari_emseg.core.equivalence import Equivalence
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.grid import CHUNK
from napari_emseg.core.journal import Journal
from napari_emseg.core.page import Page, Version
from napari_emseg.core.page_records import PageRecords
from napari_emseg.core.rebuild import rebuild_page
from napari_emseg.core.stack import ImageStack
from napari_emseg.proofread.delete import delete
from napari_emseg.proofread.merge import merge
from napari_emseg.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPE = (3, 40, 600)


def toy() -> ImageStack:
    return ImageStack(np.zeros(SHAPE, np.uint8), (50.0, 4.6, 4.6), "sample", "toy", "sample:toy")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "toy.emseg"


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    """Object 1 in all sections and in both pages, object 2 in section 1, object 3 in section 2."""
    session = Session.create(folder, toy())
    session.volume.pages.out.delay_s = 1e6
    session.volume[:, 5:10, 500:520] = 1
    session.volume[1, 20:25, 10:15] = 2
    session.volume[2, 20:25, 10:15] = 3
    session.commit_stroke()
    yield session
    session.close()


def on_disk(session: Session) -> np.ndarray:
    """What a program sees that knows nothing of the table."""
    return np.asarray(zarr.open_array(session.project.labels / "0", mode="r")[:])


def test_lines_in_a_row_go_through_one_another() -> None:
    table = Equivalence()
    table.push(3, [(1, 2)])
    table.push(5, [(2, 4), (4, 2)])
    table.push(9, [(4, 0)])
    assert dict(table.since(0).pairs) == {1: 0, 2: 0, 4: 2}
    assert dict(table.since(3).pairs) == {2: 0, 4: 2}
    assert table.sources([0]) == {0, 4, 2, 1}
    assert (table.holds(4), table.holds(5), table.top) == (False, True, 9)
    with pytest.raises(EmsegError, match="cannot be taken back"):
        table.pop(5)
    table.pop(9)
    assert dict(table.since(0).pairs) == {1: 4, 2: 4, 4: 2}
    table.retire(3)
    assert (table.numbers, table.holds(2), table.retired) == ((5,), True, 3)


def test_a_merge_writes_no_page_and_knows_where_it_was(session: Session) -> None:
    session.save()
    edit = merge(session.volume, [1, 2])
    session.commit(edit)
    assert edit.relabel is not None
    assert (edit.sections, edit.patches) == ((1,), ())
    assert edit.relabel.region is not None
    assert edit.relabel.region.start == (1, 0, 0)
    assert not session.volume.pages.dirty
    assert session.volume[1, 22, 12] == 1
    assert session.correction_count(1) == 2


def test_idle_time_makes_the_files_true_and_undo_stays_exact(session: Session) -> None:
    before = np.asarray(session.volume)
    session.save()
    session.commit(merge(session.volume, [1, 2]))
    session.commit(delete(session.volume, [3]))
    session.save()
    assert set(np.unique(on_disk(session))) == {0, 1, 2, 3}
    session._ledger.compaction.run()
    assert set(np.unique(on_disk(session))) == {0, 1}
    np.testing.assert_array_equal(on_disk(session), np.asarray(session.volume))
    session.undo()
    session.undo()
    np.testing.assert_array_equal(np.asarray(session.volume), before)


def test_files_are_made_true_again_after_a_merge_was_undone_and_redone(session: Session) -> None:
    session.volume[1, 30:35, 10:15] = 2
    session.commit_stroke()
    session.commit(merge(session.volume, [1, 2]))
    session.save()
    session._ledger.compaction.run()
    for step in (session.undo, session.undo, session.redo):
        step()
    session.save()  # section 1 is written as it was before the merge
    assert 2 in on_disk(session)[1]
    session.redo()
    session._ledger.compaction.run()
    np.testing.assert_array_equal(on_disk(session), np.asarray(session.volume))
    assert 2 not in on_disk(session)


def test_an_id_that_was_merged_away_and_is_painted_again_stays_itself(session: Session) -> None:
    """Id 2 became 3 before it was painted in section 0: no way back over later changes may lead past that."""
    session.commit(merge(session.volume, [3, 2]))
    session.volume[0]  # has gone through the merge, which means nothing to it
    session.volume[0, 30:35, 10:15] = 2
    session.commit_stroke()
    painted = session.volume[0]
    for _ in range(2):  # the second time it goes on from where it has been taken back to
        session.commit(delete(session.volume, [3]))
        np.testing.assert_array_equal(session.volume[0], painted)
        session.undo()
        np.testing.assert_array_equal(session.volume[0], painted)
        assert (painted[30:35, 10:15] == 2).all()


def test_objects_are_found_under_all_their_names(session: Session) -> None:
    session.commit(merge(session.volume, [1, 2]))
    session.save()
    assert sorted(session.volume.find([1])) == [0, 1, 2]
    assert session.volume.find([1])[1].shape == (1, 20, 510)
    assert session.volume.present([1, 2, 3, 77]) == {1, 3}
    session.undo()
    assert sorted(session.volume.find([2])) == [1]


def test_objects_are_found_under_names_that_their_page_has_lost_before_it_was_written(
    session: Session,
) -> None:
    session.commit(merge(session.volume, [1, 2]))
    assert session.volume[1, 22, 12] == 1  # the page has gone through the merge
    session.save()
    session.undo()
    assert sorted(session.volume.find([2])) == [1]
    session.commit(delete(session.volume, [2]))
    assert session.volume[1, 22, 12] == 0


def test_a_page_made_of_the_journal_has_what_was_painted_after_a_merge(session: Session) -> None:
    session.commit(merge(session.volume, [1, 2]))
    session.volume[1, 30:35, 10:15] = 2  # and is no part of that merge
    session.commit_stroke()
    page = rebuild_page(session._journal, (1, 0, 0))
    assert page is not None
    np.testing.assert_array_equal(page.data[:40, :512], session.volume[1, :, :512])


def test_lines_that_cannot_be_undone_are_retired(session: Session) -> None:
    session.commit(merge(session.volume, [1, 2]))
    session.history.limit_bytes = 1
    session.volume[0, 0, 0] = 9
    session.commit_stroke()
    session.volume[0, 0, 1] = 9
    session.commit_stroke()
    session.save()
    session._ledger.compaction.run()
    assert len(session.volume.pages.table) == 0
    expected = np.asarray(session.volume)
    assert not (expected == 2).any()
    session.close()
    again = Session.open(session.project.folder, toy())
    np.testing.assert_array_equal(np.asarray(again.volume), expected)
    again.close()


def forgets_its_merge(session: Session) -> np.ndarray:
    """The session after a merge of 2 into 1 that can no longer be undone; the labels then."""
    session.commit(merge(session.volume, [1, 2]))
    session.history.limit_bytes = 1
    for x in (0, 1):
        session.volume[0, 0, x] = 9
        session.commit_stroke()
    return np.asarray(session.volume)


def killed(folder: Path) -> np.ndarray:
    """The labels of a project whose program is killed now, opened again."""
    left = folder.with_name(f"left {len(list(folder.parent.iterdir()))}.emseg")
    shutil.copytree(folder, left, ignore=shutil.ignore_patterns("*lock*"))
    again = Session.open(left, toy())
    try:
        return np.asarray(again.volume)
    finally:
        again.close()


def test_a_line_that_would_be_replayed_is_not_retired(session: Session, folder: Path) -> None:
    """The journal does not know yet that the pages are written, so it will go through the merge once more."""
    expected = forgets_its_merge(session)
    session._ledger.compaction.run()
    np.testing.assert_array_equal(killed(folder), expected)


def test_a_line_is_not_retired_while_a_stroke_keeps_a_page_from_going_through_it(
    session: Session, folder: Path
) -> None:
    session.save()  # the file of section 1 holds object 2
    expected = forgets_its_merge(session)
    session.save()
    session.volume[1, 0, 0] = 9  # the mouse is still down
    session._ledger.compaction.run()
    np.testing.assert_array_equal(killed(folder), expected)
    session.commit_stroke()
    session.save()
    session._ledger.compaction.run()
    assert len(session.volume.pages.table) == 0
    expected[1, 0, 0] = 9
    np.testing.assert_array_equal(killed(folder), expected)


def test_a_file_that_lost_its_stamp_is_mended_with_its_way_back(session: Session, folder: Path) -> None:
    before = np.asarray(session.volume)
    session.commit(merge(session.volume, [1, 2]))
    session.save()
    session._ledger.compaction.run()
    expected = np.asarray(session.volume)
    session.close()
    for path in (folder / "labels.zarr/0/c").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-32])
    again = Session.open(folder, toy())
    np.testing.assert_array_equal(np.asarray(again.volume), expected)
    again.undo()
    np.testing.assert_array_equal(np.asarray(again.volume), before)
    again.close()


def test_labels_that_are_gone_come_back_with_merges(session: Session, folder: Path) -> None:
    before = np.asarray(session.volume)
    session.commit(merge(session.volume, [1, 2]))
    session.commit(delete(session.volume, [3]))
    session.undo()
    expected = np.asarray(session.volume)
    session._ledger.save()
    session._ledger.compaction.run()
    session.close()
    shutil.rmtree(folder / "labels.zarr")
    again = Session.open(folder, toy())
    np.testing.assert_array_equal(np.asarray(again.volume), expected)
    again.undo()
    np.testing.assert_array_equal(np.asarray(again.volume), before)
    again.close()


def test_ids_do_not_change_during_a_stroke(session: Session) -> None:
    session.volume[0, 0, 0] = 4
    with pytest.raises(EmsegError, match="during a brush stroke"):
        session.volume.apply(Edit("merge", "human", relabel=Relabel(((1, 2),))))


@pytest.mark.parametrize("pairs", [((0, 4),), ((1, -1),), ((1, 2), (1, 3))])
def test_changes_of_ids_that_make_no_sense(pairs: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(EmsegError):
        Relabel(pairs)


def test_a_journal_of_version_1_is_brought_up_to_date(session: Session, folder: Path) -> None:
    expected = np.asarray(session.volume)
    session.close()
    with closing(sqlite3.connect(folder / "journal.sqlite")) as db:
        for table in ("relabels", "versions", "places"):
            db.execute(f"DROP TABLE {table}")
        db.execute("DROP INDEX log_of")
        db.execute("ALTER TABLE edits DROP COLUMN tool")
        db.execute("DELETE FROM meta WHERE key NOT IN ('dtype', 'checkpoint', 'max_id')")
        db.execute("PRAGMA user_version = 1")
        db.commit()
    again = Session.open(folder, toy())
    again.volume.pages.out.delay_s = 1e6
    np.testing.assert_array_equal(np.asarray(again.volume), expected)
    assert not again._ledger.records.is_indexed
    assert sorted(again.volume.find([2])) == [1]
    again.commit(merge(again.volume, [1, 2]))
    again._ledger.compaction.run()
    assert again._ledger.records.is_indexed
    assert again.volume.present([1, 2]) == {1}
    again.undo()
    np.testing.assert_array_equal(np.asarray(again.volume), expected)
    again.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits as POSIX has them")
def test_files_may_not_grow_any_more(session: Session, folder: Path) -> None:
    """A real refusal of the system, as of a full disk: every edit is there as a whole or not at all."""
    expected = np.asarray(session.volume)
    session.close()
    code = f"""
import resource, signal, numpy as np
from pathlib import Path
from napari_emseg.core.stack import ImageStack
from napari_emseg.core.errors import EmsegError
from napari_emseg.proofread.merge import merge
from napari_emseg.session import Session
s = Session.open(Path({str(folder)!r}), ImageStack(np.zeros({SHAPE}, np.uint8), None, "unknown", "toy", "sample:toy"))
s.volume.pages.out.delay_s = 1e6
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
for _ in range(2):
    try:
        s.commit(merge(s.volume, [1, 2]))
        print("done")
    except EmsegError as error:
        print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
s.close()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    said = run.stdout.splitlines()
    assert len(said) == 2
    assert all("not saved" in line for line in said), said
    again = Session.open(folder, toy())
    np.testing.assert_array_equal(np.asarray(again.volume), expected)
    again.commit(merge(again.volume, [1, 2]))
    assert again.volume[1, 22, 12] == 1
    again.close()


def test_tidying_leaves_the_ways_back_that_another_thread_notes_meanwhile(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "journal.sqlite", np.dtype(np.uint32))
    records, key, ids = PageRecords(journal), (0, 0, 0), np.ones(CHUNK[1:], np.uint32)
    records.wrote([(key, Page(ids, generation=1))])  # other ways back of this page lead nowhere any more
    transaction = journal.transaction

    def after_another_thread(what: str) -> AbstractContextManager[sqlite3.Connection]:
        journal.transaction = transaction  # type: ignore[method-assign]
        records.note([(key, Page(ids, generation=2, versions=[Version(1, 2)]))])
        return transaction(what)

    journal.transaction = after_another_thread  # type: ignore[method-assign]
    records.tidy()
    assert records.way_back(key, 2) is not None
    journal.close()
