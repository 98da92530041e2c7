"""Targets from labels: exact values on toy sections."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage as ndi
from skimage.morphology import skeletonize

from napari_emseg.algorithms.targets import TARGETS
from napari_emseg.algorithms.targets.affinities import affinities, overlap
from napari_emseg.algorithms.targets.boxes import object_boxes
from napari_emseg.algorithms.targets.classes import keep_classes
from napari_emseg.algorithms.targets.mask import mask
from napari_emseg.algorithms.targets.membrane import membrane
from napari_emseg.algorithms.targets.polarity import decode, encode, polarity
from napari_emseg.algorithms.targets.signed_distance import signed_distance
from napari_emseg.algorithms.targets.skeleton import skeleton, skeleton_section
from napari_emseg.core.errors import EmsegError

NM = (50.0, 5.0, 5.0)


def touching() -> np.ndarray:
    """Two cells that touch along a column, and one that stands alone.

    ::

        1111122222..
        1111122222..
        ..........33
    """
    labels = np.zeros((1, 30, 60), np.uint32)
    labels[0, :20, :25] = 1
    labels[0, :20, 25:50] = 2
    labels[0, 22:, 50:] = 3
    return labels


def test_every_target_of_the_table_gives_values_and_weights():
    for name, place in TARGETS.items():
        module, function = place.split(":")
        found = getattr(import_module(module), function)(touching(), NM)
        assert found.values.shape == found.weight.shape == (len(found.channels), 1, 30, 60), name
        assert found.weight.min() >= 0


# ---------------------------------------------------------------- membranes, classes, boxes


@pytest.mark.parametrize("width_nm", [10.0, 25.0, 40.0])
def test_touching_cells_get_a_membrane_of_the_width_asked_for(width_nm):
    found = membrane(touching(), NM, width_nm=width_nm)
    across = found.values[0, 0, 10, 10:40]
    width_px = 2 * round(max(width_nm / 5 / 2, 1))
    assert abs(int(across.sum()) - width_px) <= 1
    assert across[14] == across[15] == 1


def test_beside_what_is_ignored_the_membrane_is_unknown():
    known = membrane(touching(), NM, ignore_id=2).weight[0, 0] > 0
    assert not known[:20, 25:50].any()
    assert known[5, 5]
    assert known[25, 55]


def test_cells_can_be_recovered_from_their_membranes():
    labels = touching()
    found = membrane(labels, NM)
    inside, count = ndi.label((labels[0] != 0) & (found.values[0, 0] == 0))
    assert count == 3
    for n in range(1, 4):
        assert len(np.unique(labels[0][inside == n])) == 1
    union = ndi.label(labels[0] != 0)[1]
    assert union == 2  # contours of the union would have lost one


def test_the_mask_is_every_object_and_ignored_ones_are_unknown():
    found = mask(touching(), NM, ignore_id=2)
    assert set(np.unique(touching()[found.values[0] == 1])) == {1, 3}
    assert (found.weight[0] == (touching() != 2)).all()


def test_classes_are_taken_out_by_their_table_in_every_section():
    labels = np.array([[[1, 2, 3]], [[3, 2, 9]]], np.uint16)
    table = {1: "axon", 2: "Schwann cell", 3: "axon"}
    kept = keep_classes(labels, table, ["axon"])
    np.testing.assert_array_equal(kept, [[[1, 0, 3]], [[3, 0, 0]]])
    assert kept.dtype == np.uint16
    np.testing.assert_array_equal(keep_classes(labels, table, ["axon"], unlisted=True)[1], [[3, 0, 9]])
    with pytest.raises(
        EmsegError, match="no object is of class nucleus, class table, classes are Schwann cell, axon"
    ):
        keep_classes(labels, table, ["nucleus"])


def test_classes_of_ids_that_no_float_tells_apart():
    pairs = np.uint64(2**60) + np.arange(200, dtype=np.uint64)[:, None] * 10**9 + np.array([0, 1], np.uint64)
    labels = pairs.reshape(4, 10, 10)
    table = {int(i): "axon" if i % 2 else "glia" for i in labels.flat}
    np.testing.assert_array_equal(keep_classes(labels, table, ["axon"]), np.where(labels % 2, labels, 0))


@settings(max_examples=50, deadline=None)
@given(arrays(np.int64, (6, 7), elements=st.sampled_from([0, 3, 70000])))
def test_object_boxes_are_tight(labels):
    boxes = object_boxes(labels)
    assert set(boxes) == set(np.unique(labels)) - {0}
    for label, box in boxes.items():
        rest = labels.copy()
        rest[box] = 0
        assert not (rest == label).any()
        inside = labels[box] == label
        assert all(inside.any(1 - axis)[[0, -1]].all() for axis in (0, 1))  # it touches all four sides


# ---------------------------------------------------------------- distances


def test_a_skeleton_target_is_one_on_the_skeleton_and_falls_to_the_border():
    section = np.zeros((21, 41), int)
    section[3:18, 4:37] = 5
    found = skeleton_section(section)
    assert (found[section == 0] == -1).all()
    inside = found[section == 5]
    assert inside.min() >= 0
    assert inside.max() == 1
    column = found[3:11, 20]  # from the border to the middle
    assert (np.diff(column) > 0).all()
    assert column[-1] == 1
    distance = ndi.distance_transform_edt(~skeletonize(section > 0))
    expected = 1 - (distance / distance[section == 5].max()) ** 0.8
    np.testing.assert_allclose(inside, expected[section == 5], atol=1e-6)


def test_small_holes_do_not_change_a_skeleton_and_large_ones_do():
    section = np.ones((31, 31), int)
    plain = skeleton_section(section)
    holed = section.copy()
    holed[14:18, 14:18] = 0  # 16 pixels
    found = skeleton_section(holed)
    np.testing.assert_allclose(found[holed == 1], plain[holed == 1], atol=1e-6)
    assert (found[holed == 0] == -1).all()
    holed[10:20, 10:20] = 0
    assert np.abs(skeleton_section(holed) - plain)[holed == 1].max() > 0.5


def test_parts_of_an_id_and_neighbours_have_their_own_skeletons():
    labels = touching()
    values = skeleton(labels, NM).values[0, 0]
    assert (values[:20, 25] < 0.5).all()  # the border between 1 and 2, far from both skeletons
    lone = np.zeros((1, 9, 9), int)
    lone[0, 4, 4] = 1
    assert skeleton(lone, NM).values[0, 0, 4, 4] == 1


def test_signed_distance_separates_touching_objects_and_is_odd():
    found = signed_distance(touching(), NM, scale_nm=20).values[0, 0]
    row = found[10, 20:30]
    np.testing.assert_allclose(row, row[::-1], atol=1e-6)  # 1 and 2 alike from their common border
    assert row[4] == pytest.approx(np.tanh(2.5 / 20), abs=1e-6)
    edge = found[10, 46:54]  # out of 2 into nothing
    np.testing.assert_allclose(edge, -edge[::-1], atol=1e-6)
    assert np.abs(found).max() <= 1
    empty = signed_distance(np.zeros((1, 4, 5), int), NM).values
    full = signed_distance(np.ones((1, 4, 5), int), NM).values
    assert (empty == -1).all()
    assert (full == 1).all()


def test_signed_distance_through_sections_counts_nanometres():
    labels = np.zeros((5, 9, 9), int)
    labels[2] = 1
    found = signed_distance(labels, NM, dims=3, scale_nm=100).values[0]
    assert found[2, 4, 4] == pytest.approx(np.tanh((50 - 2.5) / 100), abs=1e-6)
    assert found[0, 4, 4] == pytest.approx(np.tanh((2.5 - 100) / 100), abs=1e-6)


# ---------------------------------------------------------------- affinities, polarity


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.int64, (3, 4, 5), elements=st.integers(0, 2)),
    st.tuples(st.integers(-3, 3), st.integers(-2, 2), st.integers(-6, 6)),
)
def test_affinities_by_definition(labels, offset):
    found = affinities(labels, NM, offsets=[offset], ignore_id=2)
    for place in np.ndindex(labels.shape):
        other = tuple(np.add(place, offset))
        inside = all(0 <= o < n for o, n in zip(other, labels.shape, strict=True))
        known = inside and 2 not in (labels[place], labels[other])
        assert found.weight[0][place] == known
        assert found.values[0][place] == (known and labels[place] == labels[other] != 0)


def test_overlap_of_an_offset_beyond_the_volume_is_empty():
    here, there = overlap((3, 4), (5, 0))
    assert np.zeros((3, 4))[here].size == np.zeros((3, 4))[there].size == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint32, np.int64])
def test_many_synapses_do_not_wrap_round(dtype):
    most = int(min(np.iinfo(dtype).max, 2**40))
    synapses = np.array([0, 1, most // 2 + 1, most], dtype)
    labels = encode(synapses, np.array([False, True, False, True]))
    assert labels.tolist() == [0, 2, 2 * (most // 2) + 1, 2 * most]
    highest = np.array([most - 1, most], dtype)
    assert decode(highest)[0].tolist() == [most // 2, (most + 1) // 2]
    assert decode(highest)[0].dtype == dtype


def test_polarity_is_coded_and_decoded():
    synapses = np.array([[[0, 1, 1, 2, 2, 7]]], np.uint64)
    post = np.array([[[False, False, True, True, False, True]]])
    labels = encode(synapses, post)
    np.testing.assert_array_equal(labels, [[[0, 1, 2, 4, 3, 14]]])
    assert labels.dtype == np.uint64
    numbers, sides = decode(labels)
    np.testing.assert_array_equal(numbers, synapses)
    np.testing.assert_array_equal(sides, post)


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("channels", [[0, 1, 0, 0, 1, 0, 0], [0, 0, 1, 1, 0, 1, 0], [0, 1, 1, 1, 1, 1, 0]]),
        ("tanh", [[0, 1, -1, -1, 1, -1, 0]]),  # which an unsigned type could not hold
        ("classes", [[0, 1, 2, 2, 1, 2, 0]]),
    ],
)
def test_every_form_of_polarity_tells_both_sides(form, values):
    labels = np.array([[[0, 1, 2, 4, 3, 14, 99]]])
    found = polarity(labels, NM, form=form, ignore_id=99)
    np.testing.assert_array_equal(found.values[:, 0, 0], values)
    assert (found.weight[:, 0, 0, -1] == 0).all()
    assert (found.weight[:, 0, 0, :-1] == 1).all()
