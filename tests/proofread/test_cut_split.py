"""Cutting along a line and splitting by seeds.

A dumb-bell, object 5: two squares of 20 x 20 joined by a bridge 4 high and 10 long; in both sections.

::

    #####      #####
    ###############     rows 0-19, columns 0-19, 20-29 (bridge, rows 8-11) and 30-49
    #####      #####
"""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.volume import LabelVolume
from napari_emseg.proofread.cut import cut_along
from napari_emseg.proofread.split import split


def dumb_bell() -> np.ndarray:
    labels = np.zeros((2, 24, 60), np.uint32)
    labels[:, 0:20, 0:20] = 5
    labels[:, 8:12, 20:30] = 5
    labels[:, 0:20, 30:50] = 5
    labels[:, 21:24, :] = 6
    return labels


@pytest.fixture
def volume() -> LabelVolume:
    labels = dumb_bell()
    volume = LabelVolume.create(None, labels.shape, (50.0, 5.0, 5.0))
    volume.apply(Edit("start", "system", (Patch(Region.full(volume.shape), np.zeros_like(labels), labels),)))
    return volume


def after(volume: LabelVolume, edit: Edit) -> np.ndarray:
    volume.apply(edit)
    labels = np.asarray(volume)
    volume.apply(edit.inverse())
    np.testing.assert_array_equal(np.asarray(volume), dumb_bell())
    return labels


def test_a_line_cuts_one_section(volume: LabelVolume) -> None:
    labels = after(volume, cut_along(volume, [(2, 23), (18, 23)], section=1))
    np.testing.assert_array_equal(labels[0], dumb_bell()[0])
    assert (labels[1, 10, 5], labels[1, 10, 45], labels[1, 22, 5]) == (
        7,
        5,
        6,
    )  # the larger right part keeps the id
    assert np.count_nonzero(labels[1]) == np.count_nonzero(
        dumb_bell()[1]
    )  # pixels of the line belong to a part
    assert np.count_nonzero(labels[1] == 7) == 20 * 20 + 4 * 4 - 4 * 1 + 4 - 4 * (labels[1, 10, 23] == 5)


def test_a_slanted_line_and_a_polyline(volume: LabelVolume) -> None:
    for line in ([(3, 20), (17, 29)], [(0, 25), (9, 22), (10, 27), (19, 25)]):
        labels = after(volume, cut_along(volume, line, section=0))
        left, right = labels[0, :20, :20], labels[0, :20, 30:50]
        assert len(np.unique(left)) == len(np.unique(right)) == 1
        assert left[0, 0] != right[0, 0]


def test_the_object_under_most_of_the_line_is_meant(volume: LabelVolume) -> None:
    edit = cut_along(volume, [(0, 10), (23, 10)], section=0)
    assert edit.name == "cut object 5"
    assert cut_along(volume, [(0, 10), (23, 10)], section=0, object_id=6).name == "cut object 6"


def test_crumbs_beside_the_line_get_no_id(volume: LabelVolume) -> None:
    labels = after(volume, cut_along(volume, [(1, 0), (0, 1), (0, 10), (19, 10)], section=0))
    assert set(np.unique(labels[0])) == {0, 5, 6, 7}


def test_lines_that_cut_nothing(volume: LabelVolume) -> None:
    with pytest.raises(EmsegError, match="does not divide object 5"):
        cut_along(volume, [(2, 2), (15, 15)], section=0)
    with pytest.raises(EmsegError, match="meets no object"):
        cut_along(volume, [(0, 55), (20, 55)], section=0)
    with pytest.raises(EmsegError, match="at least two corners"):
        cut_along(volume, [(0, 55)], section=0)
    with pytest.raises(EmsegError, match="object 9 is not here"):
        cut_along(volume, [(0, 5), (20, 5)], section=0, object_id=9)
    assert volume.next_ids() == 7  # refusals take no ids


def test_seeds_cut_at_the_neck(volume: LabelVolume) -> None:
    labels = after(volume, split(volume, [[(0, 10, 5)], [(0, 10, 45)]]))
    assert np.all(labels[0, :20, :20] == 5)
    assert np.all(labels[0, :20, 30:50] == 7)
    assert set(np.unique(labels[0, 8:12, 20:30])) == {5, 7}
    np.testing.assert_array_equal(labels[1], dumb_bell()[1])


def test_seeds_in_two_sections_split_both(volume: LabelVolume) -> None:
    labels = after(volume, split(volume, [[(0, 10, 5)], [(1, 10, 45)]]))
    for z in range(2):
        assert (labels[z, 10, 2], labels[z, 10, 47]) == (5, 7)
    labels = after(volume, split(volume, [[(0, 10, 5)], [(0, 10, 45)]], sections=range(2)))
    assert (labels[1, 10, 2], labels[1, 10, 47]) == (5, 8)


@pytest.mark.parametrize("beside", [(35, 20), (20, 35), (50, 30), (35, 35)])
def test_a_seed_beside_the_border_of_its_part_gets_all_of_it(beside: tuple[int, int]) -> None:
    """Two discs of 30 px that meet in a neck of 40 px, wider than the seed is far from the border: like mitochondria that touch.

    Water ran over from the other seed first: of 2600 pixels a strip of 20 was left.
    """
    y, x = np.mgrid[:71, :120]
    left, right = np.hypot(y - 35, x - 35) <= 30, np.hypot(y - 35, x - 80) <= 30
    labels = (left | right)[None].astype(np.uint32)
    volume = LabelVolume.create(None, labels.shape, (50.0, 5.0, 5.0))
    volume.apply(Edit("start", "system", (Patch(Region.full(volume.shape), np.zeros_like(labels), labels),)))
    volume.apply(split(volume, [[(0, *beside)], [(0, 35, 80)]]))
    found = np.asarray(volume)[0]
    wrong = np.where(x < 57.5, found != 1, found != 2) & (left | right)
    assert wrong.sum() < 0.1 * (left | right).sum()


def test_a_boundary_map_says_where_to_cut(volume: LabelVolume) -> None:
    boundary = np.zeros(volume.shape, np.float32)
    boundary[:, :, 40] = 1
    labels = after(volume, split(volume, [[(0, 10, 5)], [(0, 10, 45)]], boundary=boundary))
    assert np.all(labels[0, :20, 30:40] == 5)
    assert np.all(labels[0, :20, 41:50] == 7)


@pytest.mark.parametrize("rows", [0, 4])
def test_the_cut_follows_the_membrane_also_where_it_has_a_hole(volume: LabelVolume, rows: int) -> None:
    """The membrane in columns 39 to 41 lies nearer to the right seed. Through a hole water runs to all that lies behind it."""
    boundary = np.random.default_rng(0).uniform(0, 0.002, volume.shape).astype(np.float32)
    boundary[:, rows:, 39:42] = 0.9
    labels = after(volume, split(volume, [[(0, 10, 32)], [(0, 10, 46)]], boundary=boundary))
    assert np.all(labels[0, :20, 30:39] == 5)
    assert np.all(labels[0, :20, 42:50] == 7)
    np.testing.assert_array_equal(labels[1], dumb_bell()[1])


def test_membranes_that_nobody_knows_at_a_seed_say_nothing(volume: LabelVolume) -> None:
    """Then the object is divided at its neck; what is not known beside the seeds is like the rest of the object."""
    boundary = np.zeros(volume.shape, np.float32)
    boundary[:, :, 40] = 0.9
    seeds = [[(0, 10, 5)], [(0, 10, 45)]]
    boundary[:, :, 44:] = np.nan
    without = split(volume, seeds)
    labels = after(volume, split(volume, seeds, boundary=boundary))
    volume.apply(without)
    np.testing.assert_array_equal(np.where(labels == 8, 7, labels), np.asarray(volume))
    volume.apply(without.inverse())
    boundary[:, :, 44:] = 0
    boundary[:, :, 41:44] = np.nan
    labels = after(volume, split(volume, seeds, boundary=boundary))
    assert np.all(labels[0, :20, 30:40] == 5)
    assert np.all(labels[0, :20, 44:50] == 9)


def test_objects_through_sections_are_divided_along_the_membrane(volume: LabelVolume) -> None:
    boundary = np.random.default_rng(0).uniform(0, 0.002, volume.shape).astype(np.float32)
    boundary[:, 3:, 39:42] = 0.9
    labels = after(volume, split(volume, [[(0, 10, 32)], [(1, 10, 46)]], boundary=boundary))
    assert np.mean(labels[:, :20, 30:39] == 5) > 0.9
    assert np.mean(labels[:, :20, 42:50] == 7) > 0.9


def test_a_group_of_seeds_is_one_object(volume: LabelVolume) -> None:
    labels = after(volume, split(volume, [[(0, 10, 2), (0, 10, 47)], [(0, 10, 25)]]))
    assert (labels[0, 10, 1], labels[0, 10, 48], labels[0, 10, 25]) == (5, 5, 7)


def test_seeds_that_make_no_sense(volume: LabelVolume) -> None:
    with pytest.raises(EmsegError, match="one seed cannot"):
        split(volume, [[(0, 10, 5)], []])
    with pytest.raises(EmsegError, match="do not lie in one object"):
        split(volume, [[(0, 10, 5)], [(0, 22, 5)]])
    with pytest.raises(EmsegError, match="do not lie in one object"):
        split(volume, [[(0, 20, 55)], [(0, 20, 56)]])
    with pytest.raises(EmsegError, match="outside the labels"):
        split(volume, [[(0, 10, 5)], [(0, 10, 500)]])
    with pytest.raises(EmsegError, match="same pixel"):
        split(volume, [[(0, 10, 5)], [(0, 10, 5)]])
