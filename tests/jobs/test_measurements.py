"""Numbers that outlive the window: kept in the project, and known to be out of date when the labels are others."""

from __future__ import annotations

import itertools
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.edit import Edit, Mark, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import SectionState, Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs import measure, measurements
from napari_emseg.jobs.measurements import FILE, Measured, keep, kept, why_old
from napari_emseg.measure.profile import WORDS
from napari_emseg.measure.survey import Survey, survey
from napari_emseg.proofread.merge import merge
from napari_emseg.session import Session
from napari_emseg.settings import MeasureSettings

SHAPE = (6, 24, 40)
SPACING = (40.0, 8.0, 8.0)


@pytest.fixture
def session(tmp_path: Path) -> Any:
    made = Session.create(
        tmp_path / "toy.emseg", ImageStack(np.zeros(SHAPE, np.uint8), SPACING, "file", "toy", "")
    )
    write(made, (0, 2, 2), (6, 20, 18), 1)
    write(made, (0, 2, 18), (6, 20, 36), 2)
    yield made
    made.close()


def write(session: Session, start: Any, stop: Any, object_id: int) -> None:
    region = Region(start, stop)
    before = session.volume.read(region)
    session.commit(Edit("paint", "human", (Patch(region, before, np.full_like(before, object_id)),)))


def numbers(session: Session) -> Survey:
    whole = session.volume.read(Region((0, 0, 0), SHAPE))
    return survey(whole, SPACING, MeasureSettings(min_voxels=10))


def reopened(session: Session) -> Session:
    session.close()
    return Session.open(session.project.folder, session.image)


def test_all_numbers_are_there_again(session: Session) -> None:
    found = numbers(session)
    assert found.profiles
    assert found.contacts
    first, profile = next(iter(found.profiles.items()))
    every = itertools.islice(itertools.cycle(("", *WORDS)), len(profile.why_not))
    found.profiles[first] = replace(profile, why_not=tuple(every))
    found.profiles[2**40] = replace(profile, ball_nm=7.0)
    assert len(found.profiles) == 3
    measured = Measured.now(found, session.label_state)
    keep(session, measured)
    with closing(reopened(session)) as again:
        back = kept(again)
        assert back is not None
        assert (back.label_state, back.program, back.time) == (
            measured.label_state, measured.program, measured.time
        )  # fmt: skip
        for name in ("objects", "contacts", "spacing_nm", "shape", "settings"):
            assert getattr(back.survey, name) == getattr(found, name), name
        assert list(back.survey.profiles) == list(found.profiles)
        for object_id, profile in found.profiles.items():
            for name, value in asdict(profile).items():
                other = getattr(back.survey.profiles[object_id], name)
                np.testing.assert_array_equal(other, value, err_msg=name)
                assert type(other) is type(value), name
        assert why_old(again, back) == ""


def test_objects_too_small_for_an_axis_and_none_at_all(session: Session) -> None:
    for objects in ((), (1,)):
        found = survey(
            session.volume.read(Region((0, 0, 0), SHAPE)),
            SPACING,
            MeasureSettings(min_voxels=1000000),
            objects=objects,
        )
        keep(session, Measured.now(found, session.label_state))
        back = kept(session)
        assert back is not None
        assert back.survey.profiles == {}
        assert back.survey.objects == found.objects


def test_labels_that_have_changed_make_them_old_and_undo_true_again(session: Session) -> None:
    measured = Measured.now(numbers(session), session.label_state)
    assert why_old(session, measured) == ""
    session.mark(2, Status.PROOFREAD)
    assert why_old(session, measured) == "", "a mark changes no label"
    session.undo()
    for change in (
        lambda: write(session, (0, 4, 4), (1, 6, 6), 2),
        lambda: session.commit(merge(session.volume, (1, 2))),
    ):
        change()
        assert why_old(session, measured) == "the labels have changed"
        session.undo()
        assert why_old(session, measured) == ""
        session.redo()
        assert why_old(session, measured) == "the labels have changed"
        session.undo()
    session.undo()
    assert why_old(session, measured) == "the labels have changed", "further back than they were measured"
    write(session, (0, 4, 4), (1, 6, 6), 2)
    assert why_old(session, measured) == "the labels have changed"


def test_they_are_old_when_the_project_is_opened_again_too(session: Session) -> None:
    keep(session, Measured.now(numbers(session), session.label_state))
    write(session, (0, 4, 4), (1, 6, 6), 2)
    with closing(reopened(session)) as again:
        back = kept(again)
        assert back is not None
        assert why_old(again, back) == "the labels have changed"
        again.undo()
        assert why_old(again, back) == ""


def test_another_voxel_size_makes_them_old(session: Session) -> None:
    measured = Measured.now(numbers(session), session.label_state)
    session.set_spacing((50.0, 8.0, 8.0))
    assert why_old(session, measured) == "the voxel size has changed"


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x03\x04"])
def test_a_damaged_file_counts_as_none(session: Session, content: bytes) -> None:
    (session.project.folder / FILE).write_bytes(content)
    assert kept(session) is None


def test_a_file_that_is_cut_short_counts_as_none(session: Session) -> None:
    keep(session, Measured.now(numbers(session), session.label_state))
    path = session.project.folder / FILE
    path.write_bytes(path.read_bytes()[:-200])
    assert kept(session) is None


def test_a_full_disk_is_said_and_keeps_what_was_there(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = Measured.now(numbers(session), session.label_state)
    keep(session, measured)
    before = (session.project.folder / FILE).read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(measurements, "write_atomic", full)
    with pytest.raises(EmsegError, match="not kept in the project"):
        keep(session, measured)
    assert (session.project.folder / FILE).read_bytes() == before


def test_a_project_that_can_only_be_read_stays_as_it_is(session: Session) -> None:
    measured = Measured.now(numbers(session), session.label_state)
    with closing(Session.open(session.project.folder, session.image)) as second:
        assert second.read_only
        keep(second, measured)
        assert kept(second) is None


def test_a_copy_of_the_project_has_them_too(session: Session, tmp_path: Path) -> None:
    from napari_emseg.core.copying import files_of

    keep(session, Measured.now(numbers(session), session.label_state))
    assert Path(FILE) in files_of(session.project.folder)


def test_a_mark_alone_names_no_labels(tmp_path: Path) -> None:
    stack = ImageStack(np.zeros(SHAPE, np.uint8), SPACING, "file", "toy", "")
    with closing(Session.create(tmp_path / "empty.emseg", stack)) as empty:
        assert empty.label_state == 0
        empty.commit(
            Edit(
                "mark",
                "human",
                marks=(Mark(1, SectionState(), SectionState(Status.EXCLUDED, "fold")),),
            )
        )
        assert empty.label_state == 0


def test_the_picture_of_a_report_shows_no_others_also_where_no_float_tells_ids_apart() -> None:
    left = np.uint64(2**60) + np.arange(100, dtype=np.uint64).reshape(10, 10) * 10**9
    labels = np.kron(np.hstack([left, left + np.uint64(1)]), np.ones((3, 8, 8), np.uint64))
    measured = left.ravel().tolist()
    found = survey(labels, SPACING, MeasureSettings(min_voxels=1), objects=measured)
    picture = measure._overlay(found, labels, np.full(labels.shape, 90, np.uint8))
    coloured = (picture != picture[..., :1]).any(2)
    middle = coloured.shape[1] // 2
    assert coloured[:, : middle - 4].any()
    assert not coloured[:, middle + 4 :].any()
