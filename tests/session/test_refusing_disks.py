"""Full disks, read-only folders, a second process: nothing is lost and one sentence is said."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.session import Session

SHAPE = (4, 40, 50)


def test_a_second_process_reads_only_and_says_so(session: Session) -> None:
    session.volume[0, 0, 0] = 5
    session.commit_stroke()
    code = f"""
import numpy as np
from pathlib import Path
from napari_emseg.core.stack import ImageStack
from napari_emseg.core.errors import EmsegError
from napari_emseg.session import Session
s = Session.open(Path({str(session.project.folder)!r}), ImageStack(np.zeros({SHAPE}), None, "unknown", "toy", "sample:toy"))
print(s.read_only, s.volume[0, 0, 0], *s.notices)
try:
    s.mark(0, "proofread")
except EmsegError as error:
    print(error)
try:
    s.volume[0, 0, 0] = 6
except EmsegError as error:
    print(error)
s.close()
"""
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert out[0].startswith(f"True 5 This project is read-only: it is open in process {os.getpid()} on ")
    assert "not saved" in out[1]
    assert "read-only" in out[2]
    session.volume[0, 0, 0] = 7
    session.commit_stroke()  # the first process goes on undisturbed


def test_a_full_disk_loses_nothing(session: Session, crashed: Any) -> None:
    session.volume[0, 0, 0] = 3
    session.commit_stroke()
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 2**32, (1, 40, 50), dtype=np.uint32)
    pages = session._journal._db.execute("PRAGMA page_count").fetchone()[0]
    session._journal._db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own way to say: disk full
    session.volume[1] = noise
    with pytest.raises(EmsegError, match=r"paint is not saved \(the disk is full\).*free some space"):
        session.commit_stroke()
    np.testing.assert_array_equal(session.volume[1], noise[0])
    session._journal._db.execute("PRAGMA max_page_count = 1000000")
    assert session.commit_stroke() is not None  # there is space again: nothing that was painted is lost
    again = crashed(session)
    np.testing.assert_array_equal(again.volume[1], noise[0])
    assert len(again.history.names()) == 2
    again.close()


def test_a_program_that_holds_the_journal_holds_nobody_up(session: Session, crashed: Any) -> None:
    """Any program that looks into SQLite files may leave one locked; the window would stand still with every stroke."""
    other = sqlite3.connect(session.project.journal, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    session.volume[1, 2, 3] = 8
    began = time.monotonic()
    with pytest.raises(
        EmsegError, match=r"paint is not saved \(database is locked\).*close it and try again"
    ):
        session.commit_stroke()
    assert time.monotonic() - began < 4
    other.execute("ROLLBACK")
    other.close()
    assert session.commit_stroke() is not None
    again = crashed(session)
    assert int(again.volume[1, 2, 3]) == 8
    again.close()


def test_a_full_disk_refuses_an_edit_as_a_whole(session: Session, labels: Any) -> None:
    pages = session._journal._db.execute("PRAGMA page_count").fetchone()[0]
    session._journal._db.execute(f"PRAGMA max_page_count = {pages}")
    rng = np.random.default_rng(0)
    region = Region.full(SHAPE)
    noise = rng.integers(0, 2**32, SHAPE, dtype=np.uint32)
    with pytest.raises(EmsegError, match="full"):
        session.commit(Edit("noise", "model", (Patch(region, session.volume.read(region), noise),)))
    assert labels(session).max() == 0
    assert not session.can_undo
    session._journal._db.execute("PRAGMA max_page_count = 1000000")


def test_chunks_that_were_refused_are_written_with_the_next_ones(
    session: Session, monkeypatch: pytest.MonkeyPatch, fill: Any, labels: Any, crashed: Any
) -> None:
    """Once a save succeeds the journal is not asked for them any more: they have to be on the disk then."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_emseg.core.chunks.write_atomic", full)
    session.commit(fill(session, 6))
    with pytest.raises(EmsegError, match="No space left on device"):
        session.save()
    monkeypatch.undo()
    session.save()
    again = crashed(session)
    assert again.replayed == 0
    assert labels(again).min() == 6
    again.close()


def test_chunks_that_cannot_be_written_stay_in_memory_and_are_said(
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    fill: Any,
    labels: Any,
    crashed: Any,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_emseg.core.chunks.write_atomic", full)
    session.commit(fill(session, 6))
    with pytest.raises(EmsegError, match=r"No space left on device.*safe in the journal"):
        session.volume.flush()
    session.volume.pages.out.error = EmsegError(
        "labels cannot be written"
    )  # as the background thread notes it
    session.mark(0, Status.PREDICTED)
    assert session.notices == ["labels cannot be written"]
    monkeypatch.undo()
    session.volume.flush()
    again = crashed(session)
    assert labels(again).min() == 6
    again.close()


@pytest.fixture
def open_folder():
    """A folder that other users may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.name == "nt", reason="needs permissions as POSIX has them")
def test_a_read_only_folder(
    open_folder: Path,
    toy: Any,
    fill: Any,
    labels: Any,
    crashed: Any,
) -> None:
    session = Session.create(open_folder / "toy.emseg", toy())
    session.commit(fill(session, 6))
    crashed(session).close()
    paths = [open_folder, *open_folder.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # permissions do not stop root
    try:
        again = Session.open(open_folder / "toy.emseg", toy())
        assert labels(again).min() == 6
        assert again.notices == ["This project is read-only: the folder cannot be written."]
        with pytest.raises(EmsegError, match="read-only"):
            again.undo()
        again.close()
        with pytest.raises(EmsegError, match="cannot be made"):
            Session.create(open_folder / "other.emseg", toy())
    finally:
        if root:
            os.seteuid(0)
        for path in paths:
            path.chmod(0o755)


def test_no_project_in_a_folder_that_is_a_file(tmp_path: Path, toy: Any) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmsegError, match="a project cannot be made here"):
        Session.create(tmp_path / "file" / "toy.emseg", toy())


def test_where_the_own_folder_cannot_be_written_it_is_said_what_helps(
    tmp_path: Path, toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has chosen that folder, so nobody can choose another one there."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("NAPARI_EMSEG_HOME", str(tmp_path / "file"))
    with pytest.raises(
        EmsegError, match="copy the stack into a folder that you may write, or name one in NAPARI"
    ):
        Session.open_or_create(toy())


def test_closing_twice_and_working_after(session: Session) -> None:
    session.close()
    session.close()
    with pytest.raises(EmsegError, match="the project is closed"):
        session.mark(0, Status.PROOFREAD)


def test_a_project_that_cannot_be_made_leaves_nothing(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise EmsegError("the disk is full")

    monkeypatch.setattr("napari_emseg.session.Journal.create", full)
    with pytest.raises(EmsegError, match="the disk is full"):
        Session.create(tmp_path / "new.emseg", toy())
    assert list(tmp_path.iterdir()) == []


def test_a_project_opens_where_its_image_cannot_be_noted(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.close()
    moved = replace(session.image, uri=str(tmp_path / "elsewhere.tif"))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("napari_emseg.core.project.write_atomic", full)
        again = Session.open(session.project.folder, moved)
    assert "the project cannot be saved (No space left on device)" in again.notices[-1]
    assert not again.read_only
    again.close()
    Session.open(session.project.folder, session.image).close()  # nobody holds the lock


def test_a_project_that_cannot_be_made_is_called_by_its_own_name(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr("napari_emseg.core.project.write_atomic", full)
    with pytest.raises(EmsegError) as refused:
        Session.create(tmp_path / "new.emseg", session.image)
    assert refused.value.where == str(tmp_path / "new.emseg")
    assert sorted(tmp_path.iterdir()) == before
