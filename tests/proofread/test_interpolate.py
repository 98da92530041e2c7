"""Object 1 is a square in sections 0 and 4 of five; object 2 fills a column beside it."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.volume import LabelVolume
from napari_emseg.proofread.interpolate import interpolate


@pytest.fixture
def volume() -> LabelVolume:
    labels = np.zeros((5, 20, 24), np.uint32)
    labels[0, 5:13, 3:11] = 1
    labels[4, 5:13, 11:19] = 1
    labels[2, :, 12] = 2
    volume = LabelVolume.create(None, labels.shape, None)
    volume.apply(Edit("start", "system", (Patch(Region.full(volume.shape), np.zeros_like(labels), labels),)))
    return volume


def test_the_square_moves_along_and_undo_is_exact(volume: LabelVolume) -> None:
    before = volume.read(Region.full(volume.shape))
    edit = interpolate(volume, 1)
    assert edit.name == "interpolate object 1 through 3 sections"
    volume.apply(edit)
    after = volume.read(Region.full(volume.shape))
    for z, left in ((1, 5), (2, 7), (3, 9)):
        assert (after[z, 6:12, left + 1 : left + 7] == 1).all()
        assert abs(int((after[z] == 1).sum()) - 64) <= 8
    np.testing.assert_array_equal(after[[0, 4]], before[[0, 4]])
    volume.apply(edit.inverse())
    np.testing.assert_array_equal(volume.read(Region.full(volume.shape)), before)


def test_locked_objects_and_proofread_sections_stay(volume: LabelVolume) -> None:
    before = volume.read(Region.full(volume.shape))
    volume.apply(interpolate(volume, 1, skip={3}, locked={2}))
    after = volume.read(Region.full(volume.shape))
    np.testing.assert_array_equal(after[3], before[3])
    assert (after[2, :, 12] == 2).all()


def test_sections_that_are_left_out_are_neither_changed_nor_asked(volume: LabelVolume) -> None:
    fold = Region((2, 0, 0), (3, 20, 24))
    before = volume.read(fold)
    after = before.copy()
    after[0, :3, :3] = 1  # where the section is folded, the object seems to lie in a corner
    volume.apply(Edit("fold", "model", (Patch(fold, before, after),)))
    edit = interpolate(volume, 1, excluded={2})
    assert edit.sections == (1, 3)
    volume.apply(edit)
    np.testing.assert_array_equal(volume.read(fold), after)
    drawn = volume.read(Region.full(volume.shape))
    for z, left in ((1, 5), (3, 9)):  # as between the two squares, and not towards the corner
        assert (drawn[z, 6:12, left + 1 : left + 7] == 1).all()
        assert not (drawn[z, :3] == 1).any()
    with pytest.raises(EmsegError, match="left out"):
        interpolate(volume, 1, excluded={2})


def test_only_the_gap_at_hand(volume: LabelVolume) -> None:
    volume.apply(interpolate(volume, 1))
    with pytest.raises(EmsegError, match="no section between"):
        interpolate(volume, 1, 2)
    with pytest.raises(EmsegError, match="no section between"):
        interpolate(volume, 2)
    with pytest.raises(EmsegError, match="empty space"):
        interpolate(volume, 0)
