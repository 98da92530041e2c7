"""Labels that are older than their journal, put back from a backup alone: what they lack is done again, or nothing is done."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.proofread.merge import merge
from napari_emseg.session import Session

OLDER = "The labels were older than the journal"


def paint(session: Session, z: int, value: int) -> None:
    session.volume[z, 3:9, 4:20] = value
    session.commit_stroke()


def put_back(folder: Path) -> None:
    shutil.rmtree(folder / "labels.zarr")
    shutil.copytree(folder.with_name("yesterday"), folder / "labels.zarr")


@pytest.fixture
def worked_on(session: Session, folder: Path, toy: Any) -> Session:
    """A stroke on the day of the backup; then two more, a merge, one of them taken back, and a section painted first then."""
    paint(session, 0, 1)
    session.close()
    shutil.copytree(folder / "labels.zarr", folder.with_name("yesterday"))
    session = Session.open(folder, toy())
    assert not session.notices
    paint(session, 0, 5)
    session.volume[0, 20:25, 4:20] = 6
    session.commit_stroke()
    session.commit(merge(session.volume, [5, 6]))
    paint(session, 2, 7)
    paint(session, 3, 8)
    session.undo()
    return session


def test_what_older_labels_lack_is_done_again(worked_on: Session, folder: Path, toy: Any) -> None:
    wanted, names = np.asarray(worked_on.volume), worked_on.history.names()
    worked_on.close()
    put_back(folder)
    again = Session.open(folder, toy())
    assert any(text.startswith(OLDER) for text in again.notices)
    np.testing.assert_array_equal(np.asarray(again.volume), wanted)
    assert again.history.names() == names
    again.close()
    again = Session.open(folder, toy())
    assert not again.notices, "it is said once"
    np.testing.assert_array_equal(np.asarray(again.volume), wanted)
    for _ in names:
        again.undo()
    assert not np.asarray(again.volume).any()
    for _ in names:
        again.redo()
    np.testing.assert_array_equal(np.asarray(again.volume), wanted)
    again.close()


def test_labels_whose_journal_no_longer_holds_what_they_lack_are_refused(
    worked_on: Session, folder: Path, toy: Any
) -> None:
    with worked_on._journal.transaction("a test") as db:
        db.execute("UPDATE patches SET before = NULL, after = NULL")
    worked_on.close()
    put_back(folder)
    with pytest.raises(EmsegError, match="the labels are older than the journal") as refused:
        Session.open(folder, toy())
    assert "of the same day" in str(refused.value)
    with pytest.raises(EmsegError, match="the labels are older than the journal"):
        Session.open(folder, toy())


def test_a_reader_is_told_and_changes_nothing(worked_on: Session, folder: Path, toy: Any) -> None:
    worked_on.close()
    put_back(folder)
    before = (folder / "journal.sqlite").read_bytes()
    holder = open_lock(folder)
    again = Session.open(folder, toy())
    assert again.read_only
    assert any(text.startswith("The labels are older than the journal") for text in again.notices)
    again.close()
    holder.release()
    assert (folder / "journal.sqlite").read_bytes() == before


def open_lock(folder: Path) -> Any:
    from napari_emseg.core.folder_lock import FolderLock

    lock = FolderLock(folder / "lock")
    assert not lock.acquire()
    return lock
