"""Objects of the open project made tidy, on 4 sections of 40 x 60 pixels of 4 nm and 50 nm.

In every section: object 1 with a hole and a hair, and object 2; object 3 is a speck of section 1, object 4 has a small profile
in section 2 and a large one in section 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs import tidy_project as tidy
from napari_emseg.session import Session
from napari_emseg.settings import TidySettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (4, 40, 60)
VOXEL_UM3 = 50 * 4 * 4 / 1e9
HOLES = TidySettings(fill_holes=True)
SPECKS = TidySettings(min_volume_um3=12 * VOXEL_UM3)


@pytest.fixture
def ids() -> NDArray[np.uint32]:
    ids = np.zeros(SHAPE, np.uint32)
    ids[:, 5:25, 5:25] = 1
    ids[:, 12:15, 12:15] = 0  # 9 pixels
    ids[:, 10, 25:30] = 1  # 5 pixels, 1 pixel wide
    ids[:, 5:25, 35:55] = 2
    ids[1, 35:38, 50:53] = 3
    ids[2, 30:33, 5:8] = 4
    ids[3, 30:38, 5:15] = 4
    return ids


@pytest.fixture
def session(tmp_path: Path, ids: NDArray[np.uint32]) -> Iterator[Session]:
    image = ImageStack(np.zeros(SHAPE, np.uint8), (50.0, 4.0, 4.0), "you", "toy", str(tmp_path / "toy.tif"))
    session = Session.create(tmp_path / "toy.emseg", image)
    whole = Region.full(SHAPE)
    session.commit(Edit("labels", "human", (Patch(whole, session.volume.read(whole), ids),)))
    yield session
    session.close()


def do(session: Session, section: int | None, settings: TidySettings) -> tuple[tidy.TidyResult, Edit]:
    request = tidy.prepare(session, section, settings)
    result = tidy.run(request, Silent())
    edit = tidy.finish(session, request, result)
    session.commit(edit)
    return result, edit


def changed(session: Session, ids: NDArray[np.uint32]) -> list[int]:
    return [int((session.volume[z] != ids[z]).sum()) for z in range(SHAPE[0])]


def test_holes_of_one_section_are_filled_as_one_edit(session: Session, ids: NDArray[np.uint32]) -> None:
    result, edit = do(session, 2, HOLES)
    assert (result.n_changed, result.n_gone, result.n_voxels) == (1, 0, 9)
    assert edit.name == "tidy section 2"
    assert changed(session, ids) == [0, 0, 9, 0]
    assert (session.volume[2][12:15, 12:15] == 1).all()
    session.undo()
    assert changed(session, ids) == [0, 0, 0, 0]


def test_the_whole_stack_at_once(session: Session, ids: NDArray[np.uint32]) -> None:
    result, edit = do(session, None, TidySettings(opening_nm=5, fill_holes=True))
    assert edit.name == "tidy 4 sections"
    labels = np.stack([session.volume[z] for z in range(4)])
    assert not labels[:, 10, 26:30].any()  # the hair
    assert (labels[:, 12:15, 12:15] == 1).all()
    assert result.n_voxels == sum(changed(session, ids)) > 0
    session.undo()
    assert changed(session, ids) == [0, 0, 0, 0]


@pytest.mark.parametrize("whole", [True, False])
def test_specks_are_small_as_a_whole_and_not_in_one_section(
    session: Session, ids: NDArray[np.uint32], whole: bool
) -> None:
    result, _ = do(session, None if whole else 1, SPECKS)
    assert (result.n_changed, result.n_gone, result.n_voxels) == (1, 1, 9)
    assert changed(session, ids) == [0, 9, 0, 0]
    # 9 pixels in section 2, but 89 in all
    assert do(session, None if whole else 2, SPECKS)[1].is_empty


@pytest.mark.parametrize("whole", [True, False])
def test_what_people_have_decided_stays(session: Session, ids: NDArray[np.uint32], whole: bool) -> None:
    session.mark(0, Status.PROOFREAD)
    session.mark(3, Status.EXCLUDED, reason="fold")
    session.lock(1)
    settings = TidySettings(erosion_nm=5, fill_holes=True)
    for z in [None] if whole else [1, 2]:
        do(session, z, settings)
    n = changed(session, ids)
    assert n[0] == n[3] == 0
    for z in (1, 2):
        np.testing.assert_array_equal(session.volume[z] == 1, ids[z] == 1)
        assert (session.volume[z] == 2).sum() < (ids[z] == 2).sum()
    if not whole:
        with pytest.raises(EmsegError, match="stays as it is"):
            tidy.prepare(session, 0, settings)


@pytest.mark.parametrize("whole", [True, False])
def test_an_object_that_a_person_has_proofread_elsewhere_is_not_dropped(
    session: Session, ids: NDArray[np.uint32], whole: bool
) -> None:
    session.mark(3, Status.PROOFREAD)
    _, edit = do(session, None if whole else 2, TidySettings(min_volume_um3=100 * VOXEL_UM3))
    np.testing.assert_array_equal(session.volume[2] == 4, ids[2] == 4)
    assert edit.is_empty is not whole  # object 3 goes with the whole stack


def test_what_changes_meanwhile_stays(session: Session, ids: NDArray[np.uint32]) -> None:
    request = tidy.prepare(session, None, TidySettings(fill_holes=True, min_volume_um3=20 * VOXEL_UM3))
    result = tidy.run(request, Silent())
    dot = Region((1, 13, 13), (2, 14, 14))
    session.commit(
        Edit("paint", "human", (Patch(dot, session.volume.read(dot), np.full(dot.shape, 9, np.uint32)),))
    )
    session.mark(2, Status.PROOFREAD)
    session.lock(3)
    session.commit(tidy.finish(session, request, result))
    assert int(session.volume[1, 13, 13]) == 9
    assert changed(session, ids) == [9, 9, 0, 9]  # section 1: 8 of the hole, and the dot; the speck is locked
    assert (session.volume[1] == 3).sum() == 9


@pytest.mark.parametrize("step", ["opening_nm", "closing_nm", "erosion_nm", "dilation_nm"])
@pytest.mark.parametrize(("thick_nm", "far_nm"), [(50.0, 60.0), (10.0, 15.0)])
def test_through_sections_a_section_is_as_in_the_whole(
    session: Session, step: str, thick_nm: float, far_nm: float
) -> None:
    session.set_spacing((thick_nm, 4.0, 4.0))
    settings = TidySettings(dims=3).model_copy(update={step: far_nm})
    request = tidy.prepare(session, None, settings)
    whole = {p.region.start[0]: p for p in tidy.run(request, Silent()).patches}
    for z in range(4):
        found = tidy.run(tidy.prepare(session, z, settings), Silent()).patches
        assert [p.region for p in found] == ([whole[z].region] if z in whole else [])
        for p in found:
            np.testing.assert_array_equal(p.after, whole[z].after)
    assert whole


def test_nothing_to_do_and_nothing_there_are_refused(session: Session, tmp_path: Path) -> None:
    with pytest.raises(EmsegError, match="nothing to do"):
        tidy.prepare(session, 1, TidySettings(split_parts=True, drop_at_edge=True, dims=3))
    with pytest.raises(Cancelled):
        tidy.prepare(session, None, HOLES, lambda: False)
    image = ImageStack(np.zeros(SHAPE, np.uint8), None, "", "toy", str(tmp_path / "other.tif"))
    other = Session.create(tmp_path / "other.emseg", image)
    with pytest.raises(EmsegError, match="voxel size"):
        tidy.prepare(other, 1, HOLES)
    other.set_spacing((50, 4, 4))
    with pytest.raises(EmsegError, match="nothing is segmented"):
        tidy.prepare(other, None, HOLES)
    other.close()


def test_more_than_an_edit_can_hold_is_refused(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    request = tidy.prepare(session, None, HOLES)
    monkeypatch.setattr(
        tidy, "MOST_BYTES", 3 * 2 * 9 * 4
    )  # three sections with nine pixels each, before and after
    with pytest.raises(EmsegError, match="more than one edit can hold"):
        tidy.run(request, Silent())
    monkeypatch.setattr(tidy, "MOST_BYTES", 4 * 2 * 9 * 4)
    assert tidy.run(request, Silent()).n_voxels == 36


def test_what_the_window_does_not_offer_is_left_out(session: Session, ids: NDArray[np.uint32]) -> None:
    session.volume[0, 0, :4] = ids[0, 0, :4] = 8  # at the edge
    session.commit_stroke()
    settings = HOLES.model_copy(
        update={"split_parts": True, "drop_at_edge": True, "max_volume_um3": VOXEL_UM3}
    )
    do(session, None, settings)
    assert changed(session, ids) == [9, 9, 9, 9]
