"""Every earlier moment comes back exactly: checked against copies that were kept on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.chronicle import events
from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.moments import position_of, steps_since, volume_at
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPE = (3, 600, 700)  # several pages a section


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    image = ImageStack(np.zeros(SHAPE, np.uint8), (50.0, 5.0, 5.0), "file", "toy", "")
    made = Session.create(tmp_path / "toy.emseg", image)
    yield made
    made.close()


def everything(session: Session) -> np.ndarray:
    return session.volume.read(Region.full(SHAPE))


def random_edit(session: Session, rng: np.random.Generator) -> None:
    choice = rng.integers(0, 10)
    if choice < 2 and session.can_undo:
        session.undo()
    elif choice < 3 and session.can_redo:
        session.redo()
    elif choice < 4:
        session.mark(int(rng.integers(0, 3)), rng.choice([Status.PROOFREAD, Status.UNSEEN]))
    elif choice < 5:
        session.lock(int(rng.integers(1, 6)), bool(rng.integers(0, 2)))
    else:
        z, y, x = (int(rng.integers(0, n - 1)) for n in (SHAPE[0], SHAPE[1], SHAPE[2]))
        region = Region((z, y, x), (z + 1, y + 150, x + 200)).clipped(SHAPE)
        before = session.volume.read(region)
        after = np.full_like(before, rng.integers(0, 9))
        session.commit(Edit("paint", "human", (Patch(region, before, after),)))


def test_any_moment_of_a_random_history_comes_back(session: Session) -> None:
    rng = np.random.default_rng(4)
    moments: dict[int, tuple[np.ndarray, list[str], set[int]]] = {}
    for _ in range(40):
        newest = events(session.journal, limit=1)
        random_edit(session, rng)
        now = events(session.journal, limit=1)
        if now and now != newest and (not newest or now[0].id > newest[0].id):
            states = [s.status for s in session.sections]
            moments[now[0].id] = (everything(session), states, set(session.locked))
    restored = refused = 0
    for number in rng.permutation(list(moments)):
        labels, states, locked = moments[int(number)]
        before = everything(session)
        try:
            edit = session.restore(int(number))
        except EmsegError:  # between it and now lies work that was undone, replaced and is not kept
            refused += 1
            np.testing.assert_array_equal(everything(session), before)
            continue
        np.testing.assert_array_equal(everything(session), labels)
        assert [s.status for s in session.sections] == states
        assert session.locked == locked
        if not edit.is_empty:
            restored += 1
            session.undo()
            np.testing.assert_array_equal(everything(session), before)
            session.redo()
    assert restored > 10 > refused
    # and without changing anything, beside the store
    number = max(moments)
    volume = volume_at(session.project.labels, session.journal, position_of(session.journal, number))
    np.testing.assert_array_equal(volume.read(Region.full(SHAPE)), moments[number][0])


def paint(session: Session, z: int, value: int) -> None:
    session.volume[z, 10:20, 10:20] = value
    session.commit_stroke()


def test_steps_that_cancel_are_not_read(session: Session) -> None:
    paint(session, 0, 1)
    paint(session, 1, 2)
    session.undo()
    session.redo()
    session.undo()
    assert steps_since(session.journal, 0) == [(1, 1)]
    session.undo()
    assert steps_since(session.journal, 0) == []


def test_what_is_not_kept_is_refused_with_the_reason(session: Session) -> None:
    paint(session, 0, 1)
    paint(session, 1, 2)
    session.undo()
    session.history.limit_bytes = 1
    paint(session, 2, 3)  # forgets the edit that was undone and is replaced now
    session.history.limit_bytes = 2**30
    paint(session, 2, 4)
    session._ledger.save()
    with pytest.raises(EmsegError, match="can no longer be brought back"):
        session.restore(2)
    session.restore(1)
    assert [int(session.volume[z, 15, 15]) for z in range(3)] == [1, 0, 0]
    with pytest.raises(EmsegError, match="no such edit"):
        session.restore(99)


def test_locks_and_marks_come_back_as_they_were(session: Session) -> None:
    session.lock(5)
    session.mark(1, Status.PROOFREAD)  # the moment that is meant
    session.lock(5, False)
    session.lock(7)
    session.mark(1, Status.EXCLUDED, "fold")
    session.mark(2, Status.PREDICTED)
    session.restore(2)
    assert session.locked == {5}
    assert [state.status for state in session.sections] == [Status.UNSEEN, Status.PROOFREAD, Status.UNSEEN]
    session.undo()
    assert session.locked == {7}
    assert [state.reason for state in session.sections] == ["", "fold", ""]
