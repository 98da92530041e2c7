"""A session: every edit durable, undoable across restarts, and every mishap one sentence."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_emseg.core.edit import Edit, Mark, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import SectionState, Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.session import Session
from napari_emseg.settings import SeedSettings

SHAPE = (4, 40, 50)


def toy(uri: str = "sample:toy", shape: tuple[int, int, int] = SHAPE) -> ImageStack:
    """A blank stack; nothing here looks at grey values."""
    return ImageStack(np.zeros(shape, np.uint8), (50.0, 4.6, 4.6), "sample", "toy", uri)


def fill(session: Session, value: int, region: Region | None = None, source: str = "human") -> Edit:
    region = region or Region.full(SHAPE)
    after = np.full(region.shape, value, np.uint32)
    return Edit(f"fill {value}", source, (Patch(region, session.volume.read(region), after),))  # type: ignore[arg-type]


def labels(session: Session) -> np.ndarray:
    return np.asarray(session.volume)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "toy.emseg"


@pytest.fixture
def session(folder: Path):
    session = Session.create(folder, toy())
    yield session
    session.close()


def reopened(session: Session) -> Session:
    session.close()
    return Session.open(session.project.folder, toy())


def crashed(session: Session) -> Session:
    """Open again as after a kill: nothing was flushed, nothing was closed properly."""
    session.volume.pages.out.may_write = False
    session._journal.close()
    session._lock.release()
    session._closed = True
    return Session.open(session.project.folder, toy())


# --- edits, undo, redo


def test_a_stroke_becomes_one_human_edit(session: Session) -> None:
    heard: list[Edit] = []
    session.edited.connect(heard.append)
    session.volume[1, 3:6, 4:9] = 7
    session.volume[1, 5:8, 4:9] = 7
    edit = session.commit_stroke("paint 7")
    assert edit is not None
    assert heard == [edit]
    assert (edit.name, edit.source, edit.sections) == ("paint 7", "human", (1,))
    assert edit.patches[0].region == Region((1, 3, 4), (2, 8, 9))
    assert session.undo_name == "paint 7"
    assert session.correction_count(1) == 1
    assert session.commit_stroke() is None


def test_undo_and_redo_in_the_order_of_the_work(session: Session) -> None:
    session.volume[0, 0, 0] = 1
    session.commit_stroke()
    session.commit(fill(session, 5))
    session.mark(2, Status.PROOFREAD)
    assert session.undo().marks[0].after.status is Status.UNSEEN  # type: ignore[union-attr]
    assert session.sections.proofread == ()
    session.undo()
    assert (labels(session)[0, 0, 0], labels(session).sum()) == (1, 1)
    session.undo()
    assert labels(session).max() == 0
    assert session.undo() is None
    assert not session.can_undo
    for _ in range(3):
        assert session.redo() is not None
    assert session.redo() is None
    assert labels(session).min() == 5
    assert session.sections.proofread == (2,)


def test_undo_takes_an_unfinished_stroke_back_first(session: Session) -> None:
    session.volume[0, 0, 0] = 1
    assert session.can_undo
    session.undo()
    assert labels(session).max() == 0
    session.redo()
    assert labels(session)[0, 0, 0] == 1


def test_new_work_drops_what_was_undone(session: Session) -> None:
    session.commit(fill(session, 1))
    session.undo()
    session.commit(fill(session, 2))
    assert not session.can_redo
    session.undo()
    assert labels(session).max() == 0


def test_history_survives_a_restart(session: Session) -> None:
    session.commit(fill(session, 1))
    session.commit(fill(session, 2))
    session.mark(1, Status.EXCLUDED, "fold")
    session.undo()
    session.undo()
    again = reopened(session)
    assert labels(again).min() == labels(again).max() == 1
    assert (again.undo_name, again.redo_name) == ("fill 1", "fill 2")
    again.redo()
    again.redo()
    assert labels(again).min() == 2
    assert again.sections[1] == SectionState(Status.EXCLUDED, "fold")
    again = reopened(again)
    for _ in range(3):
        again.undo()
    assert labels(again).max() == 0
    again.close()


def test_everything_durable_is_there_after_a_crash(session: Session) -> None:
    session.volume[3, 10:20, 10:20] = 9
    session.commit_stroke()
    session.commit(fill(session, 4, Region((0, 0, 0), (1, 40, 50))))
    session.undo()
    session.mark(3, Status.PROOFREAD)
    session.lock(9)
    session.volume[0, 0, 0] = 77  # never finished
    again = crashed(session)
    assert again.replayed == 5
    expected = np.zeros(SHAPE, np.uint32)
    expected[3, 10:20, 10:20] = 9
    np.testing.assert_array_equal(labels(again), expected)
    assert again.sections.proofread == (3,)
    assert again.locked == {9}
    assert again.volume.max_id() == 9
    assert again.undo_name == "lock object 9"
    again.close()


def test_replay_starts_at_the_last_save(session: Session) -> None:
    session.commit(fill(session, 1))
    session.volume.flush()
    session.commit(fill(session, 2))
    session.commit(fill(session, 3))
    again = crashed(session)
    assert again.replayed == 2
    assert labels(again).min() == 3
    again = reopened(again)
    assert again.replayed == 0
    again.close()


ACTIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("paint"), st.integers(0, 3), st.integers(0, 35), st.integers(0, 45), st.integers(0, 5)
        ),
        st.tuples(st.just("mark"), st.integers(0, 3), st.sampled_from(list(Status))),
        st.tuples(st.just("fill"), st.integers(0, 3), st.integers(1, 9)),
        st.sampled_from([("undo",), ("redo",), ("crash",), ("reopen",), ("save",)]),
    ),
    max_size=25,
)


@given(script=ACTIONS)
@settings(max_examples=15, deadline=None)
def test_undo_and_redo_are_exact(tmp_path_factory: pytest.TempPathFactory, script: list[tuple]) -> None:
    """Any script against copies of the whole state."""
    session = Session.create(tmp_path_factory.mktemp("s") / "toy.emseg", toy())

    def state() -> tuple[bytes, tuple[SectionState, ...]]:
        return labels(session).tobytes(), tuple(session.sections)

    past, now, future = [], state(), []
    for kind, *what in script:
        changed = False
        if kind == "paint":
            z, y, x, value = what
            session.volume[z, y : y + 5, x : x + 5] = value
            changed = session.commit_stroke() is not None
        elif kind == "mark":
            changed = not session.mark(*what).is_empty
        elif kind == "fill":
            z, value = what
            edit = session.around_people(
                "fill", "model", Region((z, 0, 0), (z + 1, 40, 50)), np.full((1, 40, 50), value)
            )
            changed = not edit.is_empty
            session.commit(edit)
        elif kind == "undo":
            if session.undo() is not None:
                future.append(now)
                now = past.pop()
        elif kind == "redo":
            if session.redo() is not None:
                past.append(now)
                now = future.pop()
        elif kind == "save":
            session.volume.flush()
        else:
            session = crashed(session) if kind == "crash" else reopened(session)
        if changed:
            past.append(now)
            future.clear()
            now = state()
        assert state() == now
        assert (len(session.history.names()), session.can_redo) == (len(past), bool(future))
    while past:
        session.undo()
        assert state() == past.pop()
    session.close()


def test_the_oldest_edits_are_forgotten_first_and_that_is_said(session: Session) -> None:
    said: list[str] = []
    session.notice.connect(said.append)
    rng = np.random.default_rng(0)
    session.history.limit_bytes = 40_000
    for n in range(6):
        noise = rng.integers(0, 2**32, SHAPE, dtype=np.uint32)  # about 32 kB each that nothing compresses
        session.commit(
            Edit(
                f"noise {n}",
                "model",
                (Patch(Region.full(SHAPE), session.volume.read(Region.full(SHAPE)), noise),),
            )
        )
    assert len(session.history.names()) == 1
    assert any("can no longer be undone" in text for text in said)
    session.history.limit_bytes = 2**30
    session.commit(fill(session, 1))
    session.volume.flush()
    session.commit(fill(session, 2))  # takes the checkpoint along
    again = reopened(session)
    assert again.history.names() == ["noise 5", "fill 1", "fill 2"]
    db = sqlite3.connect(again.project.journal)
    kept = db.execute("SELECT count(*) FROM patches WHERE before IS NOT NULL").fetchone()[0]
    db.close()
    assert kept == 3
    for _ in range(3):
        again.undo()
    assert again.undo() is None
    again.close()


# --- rules


def test_empty_edits_are_ignored(session: Session) -> None:
    session.commit(fill(session, 0))
    session.mark(0, Status.UNSEEN)
    assert not session.can_undo


def test_an_outdated_edit_is_refused(session: Session) -> None:
    edit = fill(session, 3)
    session.commit(fill(session, 1, Region((0, 0, 0), (1, 1, 1))))
    with pytest.raises(EmsegError, match="changed since"):
        session.commit(edit)
    assert labels(session).sum() == 1
    assert session.history.names() == ["fill 1"]


def test_overlapping_patches_apply_in_order_and_undo_exactly(session: Session) -> None:
    box = Region((0, 0, 0), (1, 2, 2))
    zero, one, two = (np.full((1, 2, 2), v, np.uint32) for v in (0, 1, 2))
    session.commit(Edit("twice", "human", (Patch(box, zero, one), Patch(box, one, two))))
    assert labels(session)[0, 0, 0] == 2
    again = crashed(session)
    assert labels(again)[0, 0, 0] == 2
    again.undo()
    assert labels(again).max() == 0
    again.close()


def test_human_pixels_win(session: Session) -> None:
    session.volume[0, :5, :5] = 3
    session.volume[1, :5, :5] = 4
    session.volume[2, :5, :5] = 5
    session.commit_stroke()
    session.mark(0, Status.PROOFREAD)
    session.lock(4)
    marks = [Mark(z, session.sections[z], SectionState(Status.PREDICTED)) for z in range(4)]
    edit = session.around_people("accept", "model", Region.full(SHAPE), np.full(SHAPE, 8), marks=marks)
    session.commit(edit)
    now = labels(session)
    assert (now[0, 0, 0], now[0, 9, 9], now[1, 0, 0], now[1, 9, 9], now[2, 0, 0]) == (3, 0, 4, 8, 8)
    assert [str(s.status) for s in session.sections] == ["proofread", "predicted", "predicted", "predicted"]
    assert session.correction_count(2) == 1
    session.undo()
    assert labels(session)[2, 0, 0] == 5


def test_undoing_a_correction_takes_it_out_of_the_count(session: Session) -> None:
    session.volume[1, 0, 0] = 3
    session.commit_stroke()
    session.commit(fill(session, 9, source="model"))
    assert [session.correction_count(z) for z in range(4)] == [0, 1, 0, 0]
    session.undo()
    session.undo()
    assert session.correction_count(1) == 0
    session.redo()
    again = reopened(session)
    assert [again.correction_count(z) for z in range(4)] == [0, 1, 0, 0]
    again.close()


def test_signals(session: Session) -> None:
    heard: list[object] = []
    session.sections_changed.connect(lambda z: heard.append(("section", z)))
    session.history_changed.connect(lambda: heard.append("history"))
    session.locked_changed.connect(lambda: heard.append("locked"))
    session.model_changed.connect(lambda name: heard.append(("model", name)))
    session.mark(2, Status.PREDICTED)
    session.lock(5)
    session.model = "other"
    session.model = "other"
    assert heard == [("section", 2), "history", "locked", "history", ("model", "other")]


# --- the project


def test_settings_and_model_are_remembered(session: Session) -> None:
    session.set_settings(SeedSettings(threshold=0.7))
    own = session.project.models / "mine"
    own.mkdir()
    session.model = str(own)
    again = reopened(session)
    assert again.get_settings("seeds").threshold == 0.7
    assert again.settings["seeds"] == SeedSettings(threshold=0.7)
    assert again.model == str(own)
    assert json.loads((again.project.folder / "project.json").read_text())["model"] == "models/mine"
    again.close()


def test_a_voxel_size_is_asked_for_once(folder: Path) -> None:
    blank = ImageStack(np.zeros(SHAPE, np.uint8), None, "unknown", "toy", "sample:toy")
    session = Session.create(folder, blank)
    assert (session.image.spacing_nm, session.volume.spacing_nm) == (None, None)
    for wrong in ((50, 0, 4), (50, float("nan"), 4)):
        with pytest.raises(EmsegError, match="positive"):
            session.set_spacing(wrong)
    session.set_spacing((50, 4, 4.5))
    session.close()
    again = Session.open(folder, blank)
    assert (again.image.spacing_nm, again.image.spacing_source) == ((50, 4, 4.5), "you")
    assert again.volume.spacing_nm == (50, 4, 4.5)
    again.close()
    attributes = json.loads((folder / "labels.zarr/zarr.json").read_text())["attributes"]
    (level,) = attributes["ome"]["multiscales"][0]["datasets"]
    assert level["coordinateTransformations"] == [{"type": "scale", "scale": [50, 4, 4.5]}]
    assert attributes["ome"]["multiscales"][0]["axes"][0] == {
        "name": "z",
        "type": "space",
        "unit": "nanometer",
    }


def test_a_project_moves_with_its_image(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    (first / "image.tif").touch()
    session = Session.open_or_create(toy(str(first / "image.tif")))
    assert session.project.folder == first / "image.emseg"
    session.close()
    second = first.rename(tmp_path / "second")
    again = Session.open_or_create(toy(str(second / "image.tif")))
    assert again.project.folder == second / "image.emseg"
    assert again.project.image.candidates(second / "image.emseg")[0] == str(second / "image.tif")
    again.close()


def test_another_image_of_the_same_name_gets_its_own_project(tmp_path: Path) -> None:
    for name in ("a.h5", "a.tif"):
        (tmp_path / name).touch()
    first = Session.open_or_create(toy(str(tmp_path / "a.h5")))
    second = Session.open_or_create(toy(str(tmp_path / "a.tif")))
    assert (first.project.folder.name, second.project.folder.name) == ("a.emseg", "a-2.emseg")
    first.close()
    second.close()
    again = Session.open_or_create(toy(str(tmp_path / "a.tif")))
    assert again.project.folder.name == "a-2.emseg"
    again.close()


def test_samples_live_in_the_own_folder() -> None:
    session = Session.open_or_create(toy())
    assert (
        session.project.folder == Path(os.environ["NAPARI_EMSEG_HOME"]).resolve() / "projects" / "toy.emseg"
    )
    session.close()


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


# --- mishaps


def test_a_torn_chunk_is_mended_from_the_journal(session: Session, folder: Path) -> None:
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


def test_a_lost_chunk_is_mended_from_the_journal(session: Session, folder: Path) -> None:
    session.commit(fill(session, 6))
    session.commit(fill(session, 7, Region((2, 0, 0), (3, 5, 5))))
    session.undo()
    session.close()
    (folder / "labels.zarr/0/c/2/0/0").unlink()
    again = Session.open(folder, toy())
    assert (labels(again).min(), labels(again).max()) == (6, 6)
    again.close()


def test_a_lost_chunk_that_cannot_be_mended_is_refused(session: Session, folder: Path) -> None:
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


def test_undo_over_a_damaged_chunk_is_refused_as_a_whole(session: Session, folder: Path) -> None:
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


def test_deleted_labels_are_rebuilt_or_refused(session: Session, folder: Path) -> None:
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


def test_labels_deleted_while_open(session: Session, folder: Path) -> None:
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


def test_a_deleted_journal(session: Session, folder: Path) -> None:
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
    [(b"", "not a journal"), (b"x" * 5000, "the journal is damaged"), (None, "newer napari-emseg")],
)
def test_journals_that_cannot_be_used(
    session: Session, folder: Path, content: bytes | None, message: str
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


def test_a_project_of_a_newer_version(session: Session, folder: Path) -> None:
    session.close()
    path = folder / "project.json"
    path.write_text(path.read_text().replace('"version": 2', '"version": 7'))
    with pytest.raises(EmsegError, match="a newer napari-emseg wrote this project"):
        Session.open(folder, toy())


def test_folders_that_are_no_projects(tmp_path: Path, session: Session) -> None:
    with pytest.raises(EmsegError, match="not a project folder"):
        Session.open(tmp_path, toy())
    with pytest.raises(EmsegError, match="already something here"):
        Session.create(session.project.folder, toy())
    with pytest.raises(EmsegError, match="another shape"):
        Session.open(session.project.folder, toy(shape=(4, 40, 51)))


def test_a_full_disk_loses_nothing(session: Session) -> None:
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


def test_a_full_disk_refuses_an_edit_as_a_whole(session: Session) -> None:
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


def test_chunks_that_cannot_be_written_stay_in_memory_and_are_said(
    session: Session, monkeypatch: pytest.MonkeyPatch
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
def test_a_read_only_folder(open_folder: Path) -> None:
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


def test_no_project_in_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmsegError, match="a project cannot be made here"):
        Session.create(tmp_path / "file" / "toy.emseg", toy())


def test_closing_twice_and_working_after(session: Session) -> None:
    session.close()
    session.close()
    with pytest.raises(EmsegError, match="the project is closed"):
        session.mark(0, Status.PROOFREAD)


@pytest.mark.slow
def test_ten_kills_lose_nothing() -> None:
    script = Path(__file__).resolve().parents[1] / "benchmarks" / "crash.py"
    run = subprocess.run(
        [sys.executable, script, "--kills", "10", "--undo", "20"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "10 kills" in run.stdout
