"""Labels of another voxel size and place end up on the right voxels, around what people decided."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.chronicle import events
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs import take_labels
from napari_emseg.jobs.methods import methods_text
from napari_emseg.session import Session
from napari_emseg.ui.labelled import at_opening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPE = (3, 8, 12)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    image = ImageStack(np.zeros(SHAPE, np.uint8), (40.0, 8.0, 8.0), "file", "toy", "")
    made = Session.create(tmp_path / "toy.emseg", image)
    yield made
    made.close()


def everything(session: Session) -> np.ndarray:
    return session.volume.read(Region.full(SHAPE))


def take(session: Session, labels: np.ndarray, *place: object) -> object:
    request = take_labels.prepare(session, "theirs", labels, *place)  # type: ignore[arg-type]
    return take_labels.finish(session, request, take_labels.run(request))


def test_coarser_labels_are_repeated(session: Session) -> None:
    labels = np.arange(1, 25, dtype=np.uint16).reshape(1, 4, 6).repeat(3, 0)
    for place in ((0.0, 4.0, 4.0), None):  # centres 4 nm apart: the corners coincide, as they do by default
        take(session, labels, (40.0, 16.0, 16.0), place)
        found = everything(session) - everything(session).min() + 1
        np.testing.assert_array_equal(found, labels.repeat(2, 1).repeat(2, 2))
        session.undo()
    assert not everything(session).any()


def test_much_coarser_labels_begin_at_the_same_corner(session: Session) -> None:
    labels = np.arange(1, 7, dtype=np.uint16).reshape(1, 2, 3).repeat(3, 0)
    take(session, labels, (40.0, 40.0, 40.0), None)
    np.testing.assert_array_equal(everything(session), labels.repeat(5, 1).repeat(5, 2)[:, :8, :12])


def test_labels_of_a_crop_go_where_the_crop_was(session: Session) -> None:
    labels = np.full((1, 2, 3), 7, np.uint8)
    take(session, labels, (40.0, 8.0, 8.0), (40.0, 16.0, 24.0))
    expected = np.zeros(SHAPE, np.uint32)
    expected[1, 2:4, 3:6] = 7
    np.testing.assert_array_equal(everything(session), expected)


def test_ids_in_use_are_not_used_again_and_people_are_written_around(session: Session) -> None:
    session.volume[0, 0, 0] = 5
    session.commit_stroke()
    session.mark(1, Status.PROOFREAD)
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, 4:6, 4:6] = 5
    take(session, labels, None)
    found = everything(session)
    assert found[0, 0, 0] == 5
    assert set(found[0, 4:6, 4:6].ravel()) == {6}
    assert not found[1].any()
    assert (found[2, 4:6, 4:6] == 6).all()


def test_sections_that_got_labels_are_segmented(session: Session) -> None:
    session.mark(1, Status.PROOFREAD)
    labels = np.zeros(SHAPE, np.uint8)
    labels[:2, 4:6, 4:6] = 5
    take(session, labels, None)
    assert [session.sections[z].status for z in range(3)] == [
        Status.PREDICTED,
        Status.PROOFREAD,
        Status.UNSEEN,
    ]
    session.undo()
    assert session.sections[0].status is Status.UNSEEN


def test_without_a_voxel_size_the_shape_has_to_fit(session: Session) -> None:
    with pytest.raises(EmsegError, match="do not fit an image"):
        take(session, np.ones((3, 4, 6), np.uint8), None)
    with pytest.raises(EmsegError, match="whole numbers"):
        take(session, np.ones(SHAPE, np.float32), None)
    with pytest.raises(EmsegError, match="negative"):
        take(session, np.full(SHAPE, -1, np.int16), None)
    session.image = replace(session.image, spacing_nm=None)
    with pytest.raises(EmsegError, match="do not fit an image"):
        take(session, np.ones((3, 4, 6), np.uint8), (40.0, 16.0, 16.0))


def test_ids_that_no_float_tells_apart_stay_apart(session: Session) -> None:
    labels = np.full(SHAPE, 2**53, np.int64)
    labels[0] += 1
    take(session, labels, None)
    assert [set(ids.ravel()) for ids in everything(session)] == [{2}, {1}, {1}]


def test_nothing_to_take_is_no_edit(session: Session) -> None:
    take(session, np.zeros(SHAPE, np.uint8), None)
    assert not session.can_undo


def test_labels_from_elsewhere_are_no_corrections_and_the_methods_say_where_they_are_from(
    session: Session,
) -> None:
    session.mark(2, Status.EXCLUDED, "fold")
    take(session, np.full(SHAPE, 3, np.uint8), None)
    assert (everything(session) == 3).all()
    assert [session.correction_count(z) for z in range(3)] == [0, 0, 0]
    assert "Labels were taken over from “theirs”. Nothing was corrected by hand." in methods_text(session)
    newest = events(session.journal, people_only=True)[0]
    assert newest.name == "take over labels of theirs"
    session.volume[1, 2:4, 2:4] = 5
    session.commit_stroke()
    assert session.correction_count(1) == 1
    session.close()
    again = Session.open(session.project.folder, session.image)
    assert [again.correction_count(z) for z in range(3)] == [0, 1, 0]
    assert at_opening(again) == {0, 1, 2}
    again.undo()
    again.undo()
    assert "taken over" not in methods_text(again)
    again.close()
