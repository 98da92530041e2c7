"""The project of an aligned copy is there with its alignment, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs import align
from napari_emseg.preprocess.alignment import Alignment
from napari_emseg.preprocess.shift_table import ShiftTable
from napari_emseg.session import Session

if TYPE_CHECKING:
    from pathlib import Path


def test_what_could_not_be_recorded_leaves_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = ImageStack(np.zeros((2, 20, 30), np.uint8), (50.0, 5.0, 5.0), "sample", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    session.volume[1, 2:5, 2:5] = 4
    session.commit_stroke()
    alignment = Alignment(ShiftTable(np.zeros((2, 2), int)))

    def full(*_: object) -> None:
        raise EmsegError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(align, "write_text", full)
        with pytest.raises(EmsegError, match="the disk is full"):
            align.start_project(session, alignment, image)
    assert not align.aligned_project(session.project.folder).exists()
    made = align.start_project(session, alignment, image)
    assert int(made.volume[1, 3, 3]) == 4
    assert align.alignment_of(made) is not None
    made.close()
    session.close()


def test_states_locks_and_what_is_done_meanwhile_come_along(tmp_path: Path) -> None:
    image = ImageStack(np.zeros((4, 20, 30), np.uint8), (50.0, 5.0, 5.0), "sample", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    session.volume[1, 2:5, 2:5] = 4
    session.commit_stroke()
    session.lock(4)
    session.mark(0, Status.PREDICTED)
    session.mark(3, Status.EXCLUDED, "fold")
    alignment = Alignment(ShiftTable(np.zeros((4, 2), int)))
    made = align.start_project(session, alignment, image)
    assert made.locked == {4}
    assert [state.status for state in made.sections] == [state.status for state in session.sections]
    assert made.sections[3].reason == "fold"
    assert made.history.names() == ["take labels over, aligned"]
    session.volume[2, 2:5, 2:5] = 5
    session.commit_stroke()
    session.lock(4, locked=False)
    session.mark(0, Status.PROOFREAD)
    align.catch_up(session, alignment, made, {2})
    assert int(made.volume[2, 3, 3]) == 5
    assert (made.locked, made.sections[0].status) == (set(), Status.PROOFREAD)
    made.undo()
    assert (made.locked, made.sections[0].status) == ({4}, Status.PREDICTED)
    made.undo()
    assert not np.asarray(made.volume).any()
    made.close()
    session.close()


def test_who_stops_it_has_no_half_project(tmp_path: Path) -> None:
    image = ImageStack(np.zeros((2, 20, 30), np.uint8), (50.0, 5.0, 5.0), "sample", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    session.volume[1, 2:5, 2:5] = 4
    session.commit_stroke()

    class Stopping(Silent):
        def report(self, fraction: float, message: str = "", **values: float) -> None:
            if fraction == 1:
                raise Cancelled

    with pytest.raises(Cancelled):
        align.start_project(session, Alignment(ShiftTable(np.zeros((2, 2), int))), image, Stopping())
    assert not align.aligned_project(session.project.folder).exists()
    session.close()


def test_sections_that_are_left_out_are_not_called_doubtful(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stack = np.repeat(rng.integers(0, 255, (1, 64, 64)).astype(np.uint8), 5, 0)
    stack[3] = rng.integers(0, 255, (64, 64))
    image = ImageStack(stack, (50.0, 5.0, 5.0), "sample", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    assert align.estimate(align.prepare_estimate(session), Silent()).doubtful == (3,)
    session.mark(3, Status.EXCLUDED, "torn")
    assert align.estimate(align.prepare_estimate(session), Silent()).doubtful == ()
    session.close()
