"""Maps to numbered synapses, and where each of them is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_emseg.algorithms.synapses.masks import CleftMap, SideMap
from napari_emseg.algorithms.synapses.numbering import number_synapses, side_labels
from napari_emseg.algorithms.synapses.places import find_places
from napari_emseg.core.edit import Region
from napari_emseg.settings import SynapseSettings

SPACING = (40.0, 8.0, 8.0)
VOXEL = 40 * 8 * 8
EVERYTHING = SynapseSettings(join_nm=0, min_volume_nm3=0)
FULL = (slice(None),) * 3
FEW = settings(max_examples=10, deadline=None)


def numbers(values, how=EVERYTHING, block=None, kind=CleftMap, folder=None):
    mask = CleftMap(values, how.threshold) if kind is CleftMap else SideMap(values, how)
    return number_synapses(mask, how, SPACING, block=block or mask.shape, folder=folder)


@FEW
@given(st.integers(0, 2**32 - 1), st.tuples(*[st.integers(2, 9)] * 3), st.sampled_from([0.0, 8.0, 12.0]))
def test_blocks_change_nothing(seed, block, join):
    values = np.random.default_rng(seed).random((4, 9, 11)) > 0.8
    how = SynapseSettings(join_nm=join, min_volume_nm3=2 * VOXEL)
    whole, parts = numbers(values, how), numbers(values, how, block)
    np.testing.assert_array_equal(whole.labels[FULL], parts.labels[FULL])
    assert whole.places == parts.places
    assert whole.too_small == parts.too_small


@FEW
@given(st.integers(0, 2**32 - 1))
def test_without_joining_they_are_connected_parts(seed):
    values = np.random.default_rng(seed).random((4, 9, 11)) > 0.8
    found = numbers(values)
    truth, n = ndi.label(values, np.ones((3, 3, 3)))
    np.testing.assert_array_equal(found.labels[FULL], truth)
    assert [p.id for p in found.places] == list(range(1, n + 1))
    for place, box in zip(found.places, ndi.find_objects(truth), strict=True):
        assert place.region == Region(tuple(s.start for s in box), tuple(s.stop for s in box))
        assert place.voxels == int((truth == place.id).sum())


def test_blocks_on_disk(tmp_path):
    values = np.random.default_rng(1).random((5, 20, 20)) > 0.9
    on_disk, held = numbers(values, block=(2, 7, 7), folder=tmp_path), numbers(values)
    np.testing.assert_array_equal(on_disk.labels[FULL], held.labels[FULL])
    assert list(tmp_path.iterdir())


class Sparse:
    """A large volume with two synapses, of which nothing is held."""

    dtype = np.dtype(np.uint8)
    shape = (32, 256, 256)

    def __getitem__(self, box):
        z, y, x = (np.arange(n)[s] for s, n in zip(box, self.shape, strict=True))
        found = np.zeros((z.size, y.size, x.size), np.uint8)
        for at in (60, 200):
            found[np.ix_(np.abs(z - 15) < 3, np.abs(y - at) < 9, np.abs(x - at) < 9)] = 255
        return found


def test_memory_follows_the_block(tmp_path):
    import tracemalloc

    numbers(np.ones((1, 2, 2), bool), SynapseSettings())  # what is imported on the way does not count
    tracemalloc.start()
    try:
        found = numbers(Sparse(), SynapseSettings(), (16, 64, 64), folder=tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [p.voxels for p in found.places] == [5 * 17 * 17] * 2
    assert peak < 8e6  # in one block it is 100 MB


def test_parts_are_joined_in_nanometres_and_stay_as_they_were():
    values = np.zeros((3, 9, 30), np.float32)
    values[1, 4, 2:6] = values[1, 4, 8:12] = 0.9  # two pixels (16 nm) are between
    assert len(numbers(values).places) == 2
    joined = numbers(values, SynapseSettings(join_nm=8.0, min_volume_nm3=0))
    np.testing.assert_array_equal(joined.labels[FULL], values > 0.5)
    assert len(numbers(values, SynapseSettings(join_nm=7.9, min_volume_nm3=0)).places) == 2


def test_sections_are_never_joined_by_widening():
    values = np.zeros((3, 9, 9), bool)
    values[0, 4, 4] = values[2, 4, 4] = True
    assert len(numbers(values, SynapseSettings(join_nm=500.0, min_volume_nm3=0)).places) == 2


def test_small_ones_are_dropped_and_counted():
    values = np.zeros((3, 9, 9), bool)
    values[0, 1, 1:4] = values[2, 7, 1:3] = True
    found = numbers(values, SynapseSettings(join_nm=0, min_volume_nm3=3 * VOXEL))
    assert (len(found.places), found.too_small) == (1, 1)
    assert found.labels[FULL].max() == 1
    assert found.labels[2:, :, :].max() == 0


@pytest.mark.parametrize("block", [(9, 40, 60), (4, 16, 16)])
def test_a_neck_is_cut_where_wished(block):
    values = np.zeros((9, 40, 60), np.float32)
    grid = np.indices(values.shape) * np.reshape(SPACING, (3, 1, 1, 1))
    for x in (100, 300):
        values[((grid - np.reshape((160, 160, x), (3, 1, 1, 1))) ** 2).sum(0) < 90**2] = 1
    values[4, 20, 10:40] = 1
    assert len(numbers(values).places) == 1
    how = SynapseSettings(join_nm=0, split_tolerance_nm=30.0)
    cut = numbers(values, how, block)
    assert len(cut.places) == 2
    labels = cut.labels[FULL]
    np.testing.assert_array_equal(labels > 0, values > 0)
    assert {labels[4, 20, 12], labels[4, 20, 37]} == {1, 2}
    assert [p.voxels for p in cut.places] == [int((labels == k).sum()) for k in (1, 2)]
    np.testing.assert_array_equal(labels, numbers(values, how).labels[FULL])


def test_all_necks_are_cut_and_what_has_none_stays():
    values = np.zeros((3, 40, 200), np.float32)
    y, x = np.indices(values.shape[1:])
    for middle in (20, 60, 100, 140, 180):
        values[:, (y - 20) ** 2 + (x - middle) ** 2 < 12**2] = 1
    values[:, 19:21, 60:100] = values[:, 19:21, 140:180] = 1  # the first stands alone, the others in pairs
    how = SynapseSettings(join_nm=0, min_volume_nm3=0, split_tolerance_nm=20.0)
    found = number_synapses(CleftMap(values, 0.5), how, (8.0, 8.0, 8.0), block=values.shape)
    assert len(found.places) == 5
    assert len(set(found.labels[FULL][1, 20, 20:200:40].tolist())) == 5


def test_a_neck_is_cut_beside_a_synapse_in_whose_box_it_lies():
    values = np.zeros((3, 60, 120), np.float32)
    y, x = np.indices(values.shape[1:])
    for middle in (20, 50):
        values[:, (y - 30) ** 2 + (x - middle) ** 2 < 12**2] = 1
    values[:, 29:31, 20:50] = 1
    values[:, 45:47, 10:60] = values[:, 34:47, 34:36] = 1  # an anchor, whose flukes lie below the two discs
    how = SynapseSettings(join_nm=0, min_volume_nm3=0, split_tolerance_nm=20.0)
    found = number_synapses(CleftMap(values, 0.5), how, (8.0, 8.0, 8.0), block=(3, 60, 120))
    labels = found.labels[FULL]
    assert len(found.places) == 3
    assert labels[1, 30, 20] != labels[1, 30, 50]
    assert np.unique(labels[1, 45:47, 10:60]).size == 1
    np.testing.assert_array_equal(labels > 0, values > 0)


def test_a_bridge_of_widening_is_no_neck():
    values = np.zeros((3, 30, 60), np.float32)
    values[:, 5:25, 5:25] = values[:, 5:25, 27:47] = 1
    how = SynapseSettings(join_nm=8.0, min_volume_nm3=0, split_tolerance_nm=5.0)
    assert len(numbers(values, how).places) == 1


def test_sides_are_2n_minus_1_and_2n():
    pre, post = np.zeros((2, 3, 12, 12), np.float32)
    pre[1, 2:4, 2:5], post[1, 4:6, 2:5] = 0.9, 0.8
    pre[1, 8:10, 8:11], post[1, 10:12, 8:11] = 0.6, 0.7
    values = np.stack([pre, post])
    found = numbers(values, kind=SideMap)
    assert len(found.places) == 2
    sides = SideMap(values, EVERYTHING)
    labels = side_labels(found.labels[FULL], sides, FULL)
    assert (labels[1, 2, 2], labels[1, 4, 2]) == (1, 2)
    assert (labels[1, 8, 8], labels[1, 10, 8]) == (3, 4)
    assert set(np.unique(labels)) == {0, 1, 2, 3, 4}
    turned = side_labels(found.labels[FULL], SideMap(values[::-1], EVERYTHING), FULL)
    np.testing.assert_array_equal(turned[labels > 0], np.array([0, 2, 1, 4, 3])[labels[labels > 0]])


def test_a_signed_map_and_channels_say_the_same():
    pre, post = np.zeros((2, 3, 8, 8), np.float32)
    pre[1, 2:4], post[1, 4:6] = 1, 1
    signed = SideMap(pre - post, EVERYTHING)
    channels = SideMap(np.stack([pre, post]), EVERYTHING)
    sided = SideMap((pre + 2 * post).astype(np.uint32), EVERYTHING)
    for other in (signed, sided):
        np.testing.assert_array_equal(other.signed(FULL), channels.signed(FULL))
        np.testing.assert_array_equal(other[FULL], channels[FULL])


@pytest.mark.parametrize("as_bytes", [False, True])
def test_what_was_taught_as_polarity_lies_about_a_half(as_bytes):
    pre, post = np.zeros((2, 3, 8, 8), np.float32)
    pre[1, 2:4], post[1, 4:6] = 0.8, 0.7
    stored = (1 + pre - post) / 2
    found = SideMap(np.rint(stored * 255).astype(np.uint8) if as_bytes else stored, EVERYTHING)
    np.testing.assert_allclose(found.signed(FULL), pre - post, atol=0.005)
    np.testing.assert_array_equal(found[FULL], (pre + post) > 0)
    found.refuse_unsigned()


def test_the_limit_of_a_signed_map_is_its_own():
    values = np.full((1, 2, 2), 0.35, np.float32)
    values[0, 0] = -0.25
    pre, post = SideMap(values, SynapseSettings()).sides(FULL)
    assert pre.sum() == 2
    assert not post.any()


def test_the_third_channel_adds_what_is_on_neither_side():
    values = np.zeros((3, 1, 3, 3), np.float32)
    values[2, 0, 1, 1] = 0.9
    assert SideMap(values, EVERYTHING)[FULL].sum() == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((4, 2, 2, 2)), "4 channels"),
        (np.zeros((2, 2, 2), np.uint8), "most of a signed map of eight bits is about 128"),
    ],
)
def test_maps_that_are_none(values, said):
    with pytest.raises(Exception, match=said):
        SideMap(values, EVERYTHING, "sides.h5")


@pytest.mark.parametrize("wrong", [1.5, -0.2, np.nan])
def test_values_that_are_no_probability(wrong):
    values = np.zeros((2, 3, 3))
    values[1, 1, 1] = wrong
    with pytest.raises(Exception, match="are no probabilities"):
        numbers(values)


def test_a_signed_map_that_is_never_negative_is_refused():
    sides = SideMap(np.full((1, 3, 3), 0.9, np.float32), EVERYTHING, "sides.h5")
    sides.signed(FULL)
    with pytest.raises(Exception, match="no value of the signed map is negative"):
        sides.refuse_unsigned()


@FEW
@given(st.integers(0, 2**32 - 1), st.tuples(*[st.integers(1, 7)] * 3))
def test_places_of_any_ids(seed, block):
    rng = np.random.default_rng(seed)
    names = np.array([0, 5, 2**33, 2**64 - 1], np.uint64)
    labels = names[rng.integers(0, 4, (3, 7, 6))]
    found = find_places(labels, block)
    assert [p.id for p in found] == [int(n) for n in names[1:] if (labels == n).any()]
    for place in found:
        there = np.argwhere(labels == np.uint64(place.id))
        assert place.region.start == tuple(there.min(0))
        assert place.region.stop == tuple(there.max(0) + 1)
        assert place.voxels == len(there)
