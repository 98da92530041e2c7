"""A journal that is older than its labels, or has lost its log: nothing that is done from then on is lost."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.proofread.merge import merge
from napari_emseg.session import Session

OLDER = "The journal is older than the labels"


def killed(folder: Path, toy: Any) -> Session:
    """The project as a kill at this moment would leave it."""
    copy = folder.with_name("killed.emseg")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    (copy / "lock").unlink(missing_ok=True)
    return Session.open(copy, toy())


def paint(session: Session, z: int, value: int) -> None:
    session.volume[z, 3:9, 4:20] = value
    session.commit_stroke()


def values(session: Session) -> list[int]:
    return [int(session.volume[z, 5, 5]) for z in range(4)]


@pytest.fixture
def put_back(session: Session, folder: Path, toy: Any) -> Session:
    """A project whose journal of yesterday was put back: strokes 5 and 6 are in the labels alone."""
    paint(session, 0, 1)
    session.close()
    shutil.copy(folder / "journal.sqlite", folder.with_name("yesterday"))
    session = Session.open(folder, toy())
    assert not session.notices
    for z, value in ((1, 2), (1, 5), (2, 6)):
        paint(session, z, value)
    session.close()
    shutil.copy(folder.with_name("yesterday"), folder / "journal.sqlite")
    return Session.open(folder, toy())


def test_an_older_journal_is_told_and_new_strokes_survive_a_kill(put_back: Session, folder: Path, toy: Any):
    assert any(text.startswith(OLDER) for text in put_back.notices)
    assert values(put_back) == [1, 5, 6, 0]
    paint(put_back, 1, 7)
    again = killed(folder, toy)
    assert values(again) == [1, 7, 6, 0]
    assert not any(text.startswith(OLDER) for text in again.notices)
    again.undo()
    assert values(again) == [1, 5, 6, 0]
    again.close()
    put_back.close()


def test_merges_reach_what_the_journal_has_forgotten(
    put_back: Session, folder: Path, toy: Any, reopened: Any
):
    put_back.commit(merge(put_back.volume, [1, 6]))
    assert values(put_back) == [1, 5, 1, 0]
    again = reopened(put_back)
    assert values(again) == [1, 5, 1, 0]
    again.undo()
    assert values(again) == [1, 5, 6, 0]
    again.close()


def test_a_log_that_somebody_deletes_while_the_project_is_open(session: Session, folder: Path, toy: Any):
    paint(session, 0, 1)
    (folder / "journal.sqlite-wal").unlink()
    paint(session, 1, 2)
    again = killed(folder, toy)
    assert values(again) == [1, 2, 0, 0]
    assert len(again.history.names()) == 2
    again.close()
    paint(session, 2, 3)
    again = killed(folder, toy)
    assert values(again) == [1, 2, 3, 0]
    again.close()


def test_a_log_that_is_lost_with_the_program(session: Session, folder: Path, toy: Any):
    """What was written out is there, is told to be more than the history knows, and new strokes are safe."""
    paint(session, 0, 1)
    paint(session, 1, 2)
    session.save()
    copy = folder.with_name("lost.emseg")
    shutil.copytree(folder, copy)
    (copy / "journal.sqlite-wal").unlink()
    (copy / "lock").unlink()
    lost = Session.open(copy, toy())
    assert values(lost) == [1, 2, 0, 0]
    assert any(text.startswith(OLDER) for text in lost.notices)
    paint(lost, 1, 4)
    again = killed(copy, toy)
    assert values(again) == [1, 4, 0, 0]
    again.close()
    lost.close()


class Failing:
    """A connection of which some statements fail, each as often as it is told."""

    def __init__(self, db: sqlite3.Connection, **times: int) -> None:
        self._db, self._times = db, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def execute(self, sql: str, *values: Any) -> Any:
        word = sql.split()[0]
        if self._times.get(word, 0):
            self._times[word] -= 1
            raise sqlite3.OperationalError("disk I/O error")
        return self._db.execute(sql, *values)


def test_a_disk_that_cannot_even_take_back_is_asked_again(session: Session, folder: Path, toy: Any):
    session._journal._db = Failing(session._journal._db, COMMIT=1, ROLLBACK=1)  # type: ignore[assignment]
    session.volume[1, 3:9, 4:20] = 2
    with pytest.raises(EmsegError, match="paint is not saved"):
        session.commit_stroke()
    paint(session, 2, 3)
    again = killed(folder, toy)
    assert values(again) == [0, 2, 3, 0]
    again.close()
