"""The project of an aligned copy is there with its alignment, or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.model_card import CARD, WEIGHTS, ModelCard
from napari_emseg.core.progress import Silent
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.io import open_image
from napari_emseg.io.lazy import LazyStack
from napari_emseg.jobs import align, versions
from napari_emseg.jobs.engine import Engine
from napari_emseg.preprocess.alignment import Alignment
from napari_emseg.preprocess.shift_table import ShiftTable
from napari_emseg.session import Session


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


def test_many_labels_are_taken_along_by_several_edits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once all were in memory at the same time: 13 GB for 64 sections of 4096 x 4096."""
    image = ImageStack(np.zeros((5, 20, 30), np.uint8), (50.0, 5.0, 5.0), "sample", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    session.volume[:, 2:5, 2:5] = 4
    session.commit_stroke()
    session.mark(4, Status.PROOFREAD)
    monkeypatch.setattr(align, "_MOST_BYTES", 9000)  # a section of 20 x 30 takes 4800, before and after
    made = align.start_project(session, Alignment(ShiftTable(np.zeros((5, 2), int))), image)
    assert made.history.names() == ["take labels over, aligned"] * 3
    assert np.array_equal(np.asarray(made.volume), np.asarray(session.volume))
    assert made.sections[4].status is Status.PROOFREAD
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
    stack[3] = np.roll(stack[0], 6, axis=1)
    found = align.estimate(align.prepare_estimate(session), Silent())
    assert not found.alignment.shifts.shifts.any()  # it was not compared
    session.close()


def test_models_that_have_learned_and_settings_come_along(tmp_path: Path) -> None:
    """Also those that are new when the labels have been taken along."""
    image = ImageStack(np.zeros((2, 20, 30), np.uint8), (50.0, 5.0, 5.0), "sample", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    learned(session, "membrane-2", "membrane")
    session.model = session.project.models / "membrane-2"
    session.set_settings(session.get_settings("seeds").model_copy(update={"min_distance_nm": 23.0}))
    alignment = Alignment(ShiftTable(np.zeros((2, 2), int)))
    made = align.start_project(session, alignment, image)
    assert made.model == str(made.project.models / "membrane-2")
    assert made.get_settings("seeds").min_distance_nm == 23
    learned(session, "membrane-3", "models/membrane-2")
    session.model = session.project.models / "membrane-3"
    align.catch_up(session, alignment, made, ())
    assert [(v.name, v.depth, v.is_current) for v in versions.tree(made)] == [
        ("membrane", 0, False),
        ("membrane-2", 1, False),
        ("membrane-3", 2, True),
    ]
    made.close()
    session.close()
    again = Session.open(made.project.folder, image)
    assert again.model == str(again.project.models / "membrane-3")
    again.close()


def learned(session: Session, name: str, parent: str) -> None:
    """A version of a project that nobody loads."""
    folder = session.project.models / name
    folder.mkdir(parents=True)
    card = ModelCard(
        name=name, architecture="space_unet", targets=("membrane",), pixel_size_nm=5.0,
        pixel_size_range_nm=(4.0, 6.0), parent=parent, version=name[-1],
    )  # fmt: skip
    (folder / CARD).write_text(card.model_dump_json(), "utf-8")
    (folder / WEIGHTS).write_bytes(b"weights")


def test_a_copy_of_before_is_not_overwritten(tmp_path: Path) -> None:
    """Its project was renamed, as the program says that one can: it still needs its image."""
    image = ImageStack(np.zeros((2, 20, 30), np.uint8), (50.0, 5.0, 5.0), "sample", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    alignment = Alignment(ShiftTable(np.zeros((2, 2), int)))
    first = align.run(align.prepare(session, alignment), Silent())
    assert first.name == "toy-aligned.zarr"
    assert align.prepare(session, alignment).output.name == "toy-aligned-2.zarr"
    session.close()


@pytest.mark.parametrize(("section", "other"), [(2, 1), (0, 1)])
def test_the_preview_is_of_a_section_and_the_one_beside_it(tmp_path: Path, section: int, other: int) -> None:
    stack = np.arange(10, 13, dtype=np.uint8)[:, None, None].repeat(20, 1).repeat(30, 2)
    image = ImageStack(stack, (50.0, 5.0, 5.0), "sample", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    request = align.prepare_preview(session, Alignment(ShiftTable(np.zeros((3, 2), int))), section)
    session.close()
    shown = align.preview(request, Silent())
    assert [int(one[5, 5]) for one in shown] == [10 + section, 10 + other]


def test_the_tissue_of_the_copy_lies_where_it_lay(tmp_path: Path) -> None:
    place = (150.0, 40.0, 60.0)
    image = ImageStack(np.zeros((2, 20, 30), np.uint8), (50.0, 5.0, 5.0), "file", "toy", "toy", place)
    session = Session.create(tmp_path / "toy.emseg", image)
    alignment = Alignment(ShiftTable(np.array([[0, 0], [-2, -3]])))
    y, x = alignment.shifts.origin
    assert y * x
    copy = open_image(align.run(align.prepare(session, alignment), Silent()))
    assert copy.offset_nm == (150, 40 - 5 * y, 60 - 5 * x)
    session.close()


def test_a_copy_is_read_where_its_original_lies_whatever_part_is_asked_for() -> None:
    alignment = Alignment(ShiftTable(np.array([[0, 0], [-2, 3], [1, 1]])))
    for labels in (True, False):
        own = np.random.default_rng(0).integers(1, 200, (3, 20, 30)).astype(np.uint32 if labels else np.uint8)
        copy = np.stack([alignment.forward(own[z], z, labels=labels) for z in range(3)])
        back = align.Unaligned(copy, alignment, labels=labels)
        assert (back.shape, back.dtype, len(back)) == (own.shape, own.dtype, 3)
        for key in (1, np.s_[1:], np.s_[2, 3:9], np.s_[:2, 4, ::2], np.s_[3:], np.s_[0:0, 1:3]):
            np.testing.assert_array_equal(back[key], own[key])


def test_who_stops_it_at_the_end_has_no_copy(tmp_path: Path) -> None:
    image = ImageStack(np.zeros((2, 20, 30), np.uint8), (50.0, 5.0, 5.0), "sample", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)

    class Stopping(Silent):
        def report(self, fraction: float, message: str = "", **values: float) -> None:
            if fraction == 1:
                raise Cancelled

    with pytest.raises(Cancelled):
        align.run(align.prepare(session, Alignment(ShiftTable(np.zeros((2, 2), int)))), Stopping())
    session.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy.emseg"]


class Slowly(LazyStack):
    """A stack of which every section takes a moment."""

    def __init__(self) -> None:
        super().__init__((60, 64, 64), np.dtype(np.uint8), None, "slow")

    def read(self, region: Region) -> np.ndarray:
        time.sleep(2)
        return np.ones(region.shape, np.uint8)


def test_a_window_that_closes_leaves_no_half_copy(tmp_path: Path) -> None:
    """The worker takes it away before it ends; the window does not wait for that."""
    image = ImageStack(np.zeros((60, 64, 64), np.uint8), (50.0, 5.0, 5.0), "file", "toy", "toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    request = align.prepare(session, Alignment(ShiftTable(np.zeros((60, 2), int))))
    request = replace(request, data=Slowly())
    with Engine() as engine:
        engine.submit("napari_emseg.jobs.align:run", request, lane="background")
        assert comes(lambda: any(tmp_path.glob(".toy-aligned*")))
    assert comes(lambda: not any(tmp_path.glob(".toy-aligned*")))
    session.close()


def comes(what: Callable[[], bool]) -> bool:
    """Whether something comes true within a minute."""
    deadline = time.monotonic() + 60
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)
    return what()
