"""Damaged and missing parts are mended from the journal, or refused in one sentence."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.session import Session


def test_a_torn_chunk_is_mended_from_the_journal(
    session: Session,
    folder: Path,
    toy: Any,
    fill: Any,
    labels: Any,
    reopened: Any,
) -> None:
    session.commit(fill(session, 6))
    session.close()
    chunk = folder / "labels.zarr/0/c/2/0/0"
    chunk.write_bytes(chunk.read_bytes()[:-3])
    again = Session.open(folder, toy())
    assert labels(again).min() == 6
    assert any("section 2 was mended" in text for text in again.notices)
    again = reopened(again)
    assert labels(again).min() == 6
    assert not again.notices
    again.close()


def test_a_lost_chunk_is_mended_from_the_journal(
    session: Session,
    folder: Path,
    toy: Any,
    fill: Any,
    labels: Any,
) -> None:
    session.commit(fill(session, 6))
    session.commit(fill(session, 7, Region((2, 0, 0), (3, 5, 5))))
    session.undo()
    session.close()
    (folder / "labels.zarr/0/c/2/0/0").unlink()
    again = Session.open(folder, toy())
    assert (labels(again).min(), labels(again).max()) == (6, 6)
    again.close()


def test_a_lost_chunk_that_cannot_be_mended_is_refused(
    session: Session, folder: Path, toy: Any, fill: Any
) -> None:
    session.commit(fill(session, 6))
    session.close()
    db = sqlite3.connect(folder / "journal.sqlite")
    db.execute("UPDATE patches SET before = NULL, after = NULL")
    db.execute("UPDATE edits SET state = 'forgotten'")
    db.commit()
    db.close()
    (folder / "labels.zarr/0/c/2/0/0").unlink()
    again = Session.open(folder, toy())
    assert again.volume[1].min() == 6
    with pytest.raises(
        EmsegError, match=r"a piece of the labels of section 2 is missing, .*2/0/0, put this file back"
    ):
        again.volume[2]
    again.close()


def test_undo_over_a_damaged_chunk_is_refused_as_a_whole(
    session: Session,
    folder: Path,
    toy: Any,
    fill: Any,
    labels: Any,
    reopened: Any,
) -> None:
    session.commit(fill(session, 6))
    session.commit(fill(session, 7))
    session.close()
    db = sqlite3.connect(folder / "journal.sqlite")
    db.execute("UPDATE patches SET before = NULL, after = NULL WHERE edit = 1")
    db.execute("UPDATE edits SET state = 'forgotten' WHERE id = 1")
    db.commit()
    db.close()
    chunk = folder / "labels.zarr/0/c/2/0/0"
    good = chunk.read_bytes()
    chunk.write_bytes(good[:-3])
    again = Session.open(folder, toy())
    with pytest.raises(EmsegError, match="section 2 is damaged"):
        again.undo()
    assert again.undo_name == "fill 7"
    assert again.volume[1].min() == 7
    chunk.write_bytes(good)  # put back from a backup
    again.undo()
    assert labels(again).max() == 6
    again = reopened(again)
    assert (again.redo_name, labels(again).max()) == ("fill 7", 6)
    again.close()


def test_deleted_labels_are_rebuilt_or_refused(
    session: Session,
    folder: Path,
    toy: Any,
    fill: Any,
    labels: Any,
) -> None:
    import shutil

    session.commit(fill(session, 6))
    session.close()
    shutil.rmtree(folder / "labels.zarr")
    again = Session.open(folder, toy())
    assert labels(again).min() == 6
    assert any("rebuilt from the journal" in text for text in again.notices)
    again.close()
    shutil.rmtree(folder / "labels.zarr")
    db = sqlite3.connect(folder / "journal.sqlite")
    db.execute("UPDATE patches SET before = NULL, after = NULL")
    db.commit()
    db.close()
    with pytest.raises(EmsegError, match="the labels are gone"):
        Session.open(folder, toy())


def test_labels_deleted_while_open(
    session: Session,
    folder: Path,
    toy: Any,
    fill: Any,
    labels: Any,
) -> None:
    import shutil

    session.commit(fill(session, 6))
    session.volume.flush()
    shutil.rmtree(folder / "labels.zarr")
    session.commit(fill(session, 7))
    with pytest.raises(EmsegError, match="the labels folder has disappeared"):
        session.close()
    again = Session.open(folder, toy())
    assert labels(again).min() == 7
    again.close()


def test_a_deleted_journal(
    session: Session,
    folder: Path,
    toy: Any,
    fill: Any,
    labels: Any,
) -> None:
    session.commit(fill(session, 6))
    (folder / "journal.sqlite").unlink()
    with pytest.raises(EmsegError, match="the journal has disappeared"):
        session.commit(fill(session, 7))
    assert labels(session).min() == labels(session).max() == 6
    with pytest.raises(EmsegError, match="disappeared"):
        session.close()
    with pytest.raises(EmsegError, match="the journal is missing"):
        Session.open(folder, toy())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the journal is damaged"),
        (b"S", "the journal is damaged"),
        (b"x" * 5000, "the journal is damaged"),
        (None, "newer napari-emseg"),
    ],
)
def test_journals_that_cannot_be_used(
    session: Session, folder: Path, content: bytes | None, message: str, toy: Any
) -> None:
    session.close()
    journal = folder / "journal.sqlite"
    if content is None:
        db = sqlite3.connect(journal)
        db.execute("PRAGMA user_version = 99")
        db.close()
    else:
        journal.write_bytes(content)
    with pytest.raises(EmsegError, match=message):
        Session.open(folder, toy())
    assert content is None or journal.read_bytes() == content


def test_a_project_of_a_newer_version(session: Session, folder: Path, toy: Any) -> None:
    session.close()
    path = folder / "project.json"
    path.write_text(path.read_text().replace('"version": 2', '"version": 7'))
    with pytest.raises(EmsegError, match="a newer napari-emseg wrote this project"):
        Session.open(folder, toy())


def test_folders_that_are_no_projects(tmp_path: Path, session: Session, toy: Any) -> None:
    with pytest.raises(EmsegError, match="not a project folder"):
        Session.open(tmp_path, toy())
    with pytest.raises(EmsegError, match="already something here"):
        Session.create(session.project.folder, toy())
    with pytest.raises(EmsegError, match="another shape"):
        Session.open(session.project.folder, toy(shape=(4, 40, 51)))
