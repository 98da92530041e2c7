"""Undo and redo: in order, exact, across restarts and crashes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_emseg.core.chunks import ChunkStore
from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.sections import SectionState, Status
from napari_emseg.session import Session

SHAPE = (4, 40, 50)


def test_undo_and_redo_in_the_order_of_the_work(session: Session, fill: Any, labels: Any) -> None:
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


def test_undo_takes_an_unfinished_stroke_back_first(session: Session, labels: Any) -> None:
    session.volume[0, 0, 0] = 1
    assert session.can_undo
    session.undo()
    assert labels(session).max() == 0
    session.redo()
    assert labels(session)[0, 0, 0] == 1


def test_writing_rests_while_something_is_taken_back(
    session: Session, fill: Any, labels: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for ever, and not where taking back itself wants it written: it would wait for what waits for it."""
    volume, pages, out = session.volume, session.volume.pages, session.volume.pages.out
    out.delay_s = 0.01
    session.commit(fill(session, 5))
    written: list[Any] = []
    write, apply = ChunkStore.write, volume.apply_quietly
    monkeypatch.setattr(
        ChunkStore, "write", lambda store, key, page: (written.append(key), write(store, key, page))
    )

    def slowly(edit: Edit, *, ask: bool = False, **more: Any) -> None:
        time.sleep(0.1)  # for the page that is being written
        written.clear()
        with pages.lock:
            pages.make_dirty((0, 0, 0))
        out.start()
        time.sleep(0.1)
        assert written == []
        if ask:
            volume.flush()
            assert written == [(0, 0, 0)]
        apply(edit, **more)

    monkeypatch.setattr(volume, "apply_quietly", slowly)
    session.undo()
    deadline = time.monotonic() + 5
    while pages.dirty or pages.in_flight:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    monkeypatch.setattr(volume, "apply_quietly", partial(slowly, ask=True))
    session.redo()
    assert time.monotonic() < deadline
    assert labels(session).min() == 5


def test_new_work_drops_what_was_undone(session: Session, fill: Any, labels: Any) -> None:
    session.commit(fill(session, 1))
    session.undo()
    session.commit(fill(session, 2))
    assert not session.can_redo
    session.undo()
    assert labels(session).max() == 0


def test_history_survives_a_restart(
    session: Session,
    fill: Any,
    labels: Any,
    reopened: Any,
) -> None:
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


def test_everything_durable_is_there_after_a_crash(
    session: Session,
    fill: Any,
    labels: Any,
    crashed: Any,
) -> None:
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


def test_replay_starts_at_the_last_save(
    session: Session,
    fill: Any,
    labels: Any,
    reopened: Any,
    crashed: Any,
) -> None:
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
def test_undo_and_redo_are_exact(
    tmp_path_factory: pytest.TempPathFactory,
    script: list[tuple],
    toy: Any,
    labels: Any,
    reopened: Any,
    crashed: Any,
) -> None:
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


def test_the_oldest_edits_are_forgotten_first_and_that_is_said(
    session: Session, fill: Any, reopened: Any
) -> None:
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


@pytest.mark.slow
def test_ten_kills_lose_nothing() -> None:
    script = Path(__file__).resolve().parents[2] / "benchmarks" / "crash.py"
    run = subprocess.run(
        [sys.executable, script, "--kills", "10", "--undo", "20"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "10 kills" in run.stdout
