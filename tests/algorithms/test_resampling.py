"""Voxel sizes change without losing what the voxels mean: images by area, labels by vote."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import downscale_local_mean

from napari_emseg.algorithms.resampling import Resampling, resample_image, resample_labels
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError

SHAPES = st.tuples(*[st.integers(1, 6)] * 3)
FACTORS = st.tuples(*[st.sampled_from([1.0, 2.0, 3.0, 1.5, 2.3, 4.6 / 3.7])] * 3)


def by_hand(array, factors, vote):
    """One output voxel after the other, straight from the definition."""
    out = Resampling(array.shape, factors).output
    result = np.empty(out, array.dtype if vote else float)
    for place in product(*map(range, out)):
        spans = []
        for i, f, n in zip(place, factors, array.shape, strict=True):
            begin, end = min(i * f, n - min(f, 1)), min((i + 1) * f, n)
            cells = range(int(begin), min(math.ceil(end), n))
            spans.append([(c, max(0.0, min(end, c + 1) - max(begin, c))) for c in cells])
        shares = defaultdict(float)
        for (z, a), (y, b), (x, c) in product(*spans):
            shares[array[z, y, x]] += a * b * c
        if vote:
            best = max(round(v, 9) for v in shares.values())
            result[place] = min((k for k, v in shares.items() if v > best - 1e-6), key=lambda k: (k == 0, k))
        else:
            result[place] = sum(k * v for k, v in shares.items()) / sum(shares.values())
    return result


@settings(max_examples=25, deadline=None)
@given(SHAPES, FACTORS, st.integers(0, 1000))
def test_labels_are_the_vote_and_images_the_mean_over_the_area(shape, factors, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, shape).astype(np.uint32)
    np.testing.assert_array_equal(resample_labels(labels, factors), by_hand(labels, factors, vote=True))
    image = rng.random(shape).astype(np.float64)
    np.testing.assert_allclose(resample_image(image, factors), by_hand(image, factors, vote=False), rtol=1e-9)


@settings(max_examples=20, deadline=None)
@given(SHAPES, st.tuples(*[st.sampled_from([0.5, 0.7, 1.0, 2.0, 2.5])] * 3), st.data())
def test_a_block_is_the_same_as_that_part_of_the_whole(shape, factors, data):
    resampling = Resampling(shape, factors)
    out = resampling.output
    start = tuple(data.draw(st.integers(0, n - 1)) for n in out)
    stop = tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, out, strict=True))
    region = Region(start, stop)
    whole = np.random.default_rng(0).integers(0, 5, shape).astype(np.uint16)
    block = whole[resampling.needed(region).slices]
    np.testing.assert_array_equal(resampling.labels(block, region), resampling.labels(whole)[region.slices])
    np.testing.assert_array_equal(resampling.image(block, region), resampling.image(whole)[region.slices])


def test_half_the_size_is_the_local_mean_of_scikit_image():
    image = np.random.default_rng(1).random((4, 12, 20)).astype(np.float32)
    np.testing.assert_allclose(
        resample_image(image, (2, 4, 2)), downscale_local_mean(image, (2, 4, 2)), rtol=1e-6
    )


def test_ties_keep_objects_before_nothing_and_the_lower_id():
    assert resample_labels(np.array([[0, 0], [9, 9]], np.uint8), (2, 2)) == [[9]]
    assert resample_labels(np.array([[7, 7], [9, 9]], np.uint8), (2, 2)) == [[7]]
    assert resample_labels(np.array([[0, 0], [0, 9]], np.uint8), (2, 2)) == [[0]]


def test_ids_beyond_32_bits_survive():
    big = np.full((2, 2), 2**63 + 5, np.uint64)
    big[0, 0] = 2**63 + 6
    assert int(resample_labels(big, (2, 2))[0, 0]) == 2**63 + 5


def test_sections_without_a_change_along_z_stay_sections():
    labels = np.arange(3, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
    out = resample_labels(labels, (1, 2, 2))
    assert out.shape == (3, 2, 2)
    np.testing.assert_array_equal(out[:, 0, 0], [0, 1, 2])


def test_smaller_voxels_repeat_labels_and_interpolate_grey_values():
    labels = np.array([[1, 2]], np.uint8)
    np.testing.assert_array_equal(resample_labels(labels, (1, 0.5)), [[1, 1, 2, 2]])
    np.testing.assert_array_equal(resample_image(np.array([[0.0, 4.0]]), (1, 0.5)), [[0, 1, 3, 4]])


@pytest.mark.parametrize("factor", [0.5, 0.4, 0.8])
def test_a_ramp_stays_a_ramp_in_smaller_voxels(factor):
    ramp = np.broadcast_to(np.arange(8, dtype=np.float32) * 10, (2, 3, 8))
    found = resample_image(ramp, (1, 1, factor))
    middles = np.clip(
        (np.arange(found.shape[2]) + 0.5) * factor - 0.5, 0, 7
    )  # in old voxels; the ends are repeated
    np.testing.assert_allclose(found, np.broadcast_to(middles * 10, found.shape), atol=1e-4)


def test_a_target_of_another_volume_is_filled_to_its_border():
    resampling = Resampling((1, 5, 5), (1.0, 2.0, 2.0), (1, 3, 3))
    labels = np.zeros((1, 5, 5), np.uint8)
    labels[0, 4, 4] = 3
    out = resampling.labels(labels)
    assert out.shape == (1, 3, 3)
    assert out[0, 2, 2] == 3  # the last voxel is half covered, by this pixel alone


def test_a_volume_that_lies_elsewhere_is_put_in_its_place():
    labels = np.arange(1, 5, dtype=np.uint8).reshape(1, 1, 4)
    moved = Resampling((1, 1, 4), (1, 1, 1), (1, 1, 6), (0, 0, -1))
    np.testing.assert_array_equal(moved.labels(labels), [[[0, 1, 2, 3, 4, 0]]])
    np.testing.assert_array_equal(moved.image(labels), [[[1, 1, 2, 3, 4, 4]]])
    later = Resampling((1, 1, 4), (1, 1, 2), (1, 1, 2), (0, 0, 1.5))
    np.testing.assert_array_equal(later.labels(labels), [[[3, 4]]])  # 1.5 to 3.5: half 2, all 3, half 4
    region = Region((0, 0, 4), (1, 1, 6))
    np.testing.assert_array_equal(moved.labels(labels[moved.needed(region).slices], region), [[[4, 0]]])


def test_voxel_sizes_give_factors_shape_and_offset():
    resampling = Resampling.between((10, 100, 100), (50, 4.6, 4.6), (50, 9.2, 9.2))
    assert resampling.output == (10, 50, 50)
    assert resampling.offset == pytest.approx((0, 0.5, 0.5))
    assert not resampling.is_identity
    assert Resampling((3, 3, 3), (1, 1, 1)).is_identity


def test_integers_are_rounded_and_keep_their_type():
    image = np.array([[255, 255], [255, 254]], np.uint8)
    out = resample_image(image, (2, 2))
    assert out.dtype == np.uint8
    assert int(out[0, 0]) == 255
    assert int(resample_image(np.full((2, 2), 65535, np.uint16), (2, 2))[0, 0]) == 65535


@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan, math.inf, 1e9])
def test_absurd_factors_are_refused_in_one_sentence(factor):
    with pytest.raises(EmsegError, match="cannot be resampled by a factor"):
        resample_image(np.zeros((4, 4)), (1, factor))


def test_labels_must_be_whole_numbers_and_volumes_not_empty():
    with pytest.raises(EmsegError, match="labels are whole numbers"):
        resample_labels(np.zeros((4, 4)), (2, 2))
    with pytest.raises(EmsegError, match="empty volume"):
        resample_image(np.zeros((0, 4, 4)), (1, 1, 1))
    with pytest.raises(EmsegError, match="two factors"):
        resample_image(np.zeros((4, 4)), (1, 1, 1))
