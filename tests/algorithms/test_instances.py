"""Balls of 60 nm radius in voxels of 20 x 5 x 5 nm; two of them touch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_emseg.algorithms.instances import find_instances
from napari_emseg.algorithms.shapes import reshape_objects
from napari_emseg.algorithms.smoothing import bilateral, median
from napari_emseg.core.errors import EmsegError
from napari_emseg.settings import InstanceSettings

SPACING = (20.0, 5.0, 5.0)


def ball(shape: tuple[int, int, int], z: float, y: float, x: float, radius_nm: float) -> np.ndarray:
    grid = np.indices(shape) * np.array(SPACING)[:, None, None, None]
    return sum((g - c * s) ** 2 for g, c, s in zip(grid, (z, y, x), SPACING, strict=True)) <= radius_nm**2


@pytest.fixture
def energy() -> np.ndarray:
    shape = (12, 50, 80)
    mask = ball(shape, 5, 20, 18, 60) | ball(shape, 5, 20, 39, 60) | ball(shape, 5, 30, 66, 50)
    mask[5, 45, 3] = True
    return mask * np.float32(0.9)


def test_touching_balls_are_two(energy: np.ndarray) -> None:
    found = find_instances(energy, InstanceSettings(min_volume_um3=0.0001, split_tolerance_nm=25), SPACING)
    assert found.labels.max() == 3
    assert (
        len({int(found.labels[5, 20, 18]), int(found.labels[5, 20, 39]), int(found.labels[5, 30, 66])}) == 3
    )
    assert found.too_small == 1
    assert ((found.labels > 0) == (energy > 0)).mean() > 0.9999


def test_probability_is_not_changed_and_eight_bits_mean_the_same(energy: np.ndarray) -> None:
    before = energy.copy()
    found = find_instances(energy, InstanceSettings(), SPACING)
    np.testing.assert_array_equal(energy, before)
    again = find_instances((energy * 255).astype(np.uint8), InstanceSettings(), SPACING)
    np.testing.assert_array_equal(found.labels, again.labels)


def test_parts_without_a_seed_are_kept_and_counted(energy: np.ndarray) -> None:
    found = find_instances(energy, InstanceSettings(min_volume_um3=0, seed_depth_nm=55), SPACING)
    assert found.without_seed == 2
    assert ((found.labels > 0) == (energy > 0)).all()


def test_things_that_show_in_too_few_sections_go(energy: np.ndarray) -> None:
    found = find_instances(energy, InstanceSettings(min_volume_um3=0, min_sections=3), SPACING)
    assert found.too_flat == 1
    assert found.labels[5, 45, 3] == 0


def test_areas_outside_the_range_go(energy: np.ndarray) -> None:
    largest = InstanceSettings(min_volume_um3=0, min_area_nm2=100, max_area_nm2=12000)
    labels = find_instances(energy, largest, SPACING).labels
    assert labels[5, 45, 3] == 0
    assert labels[5, 20, 18] == 0
    assert labels[5, 30, 66] > 0


def test_nothing_gives_nothing() -> None:
    found = find_instances(np.zeros((3, 8, 8), np.float32), InstanceSettings(), SPACING)
    assert (found.labels.max(), found.too_small, found.without_seed) == (0, 0, 0)


def test_erosion_then_dilation_parts_two_discs_on_a_bridge() -> None:
    import cc3d

    y, x = np.indices((40, 80))
    discs = ((y - 20) ** 2 + (x - 20) ** 2 <= 144) | ((y - 20) ** 2 + (x - 58) ** 2 <= 144)
    discs[19:22, 20:58] = True
    opened = reshape_objects(discs.astype(np.uint32), "opening", 15, (50.0, 5.0, 5.0))
    assert cc3d.connected_components(opened, connectivity=4).max() == 2
    assert not (opened.astype(bool) & ~discs).any()


def test_anisotropic_dilation_reaches_as_far_in_nanometres() -> None:
    labels = np.zeros((5, 9, 9), np.uint32)
    labels[2, 4, 4] = 7
    grown = reshape_objects(labels, "dilation", 20, SPACING, dims=3)
    assert grown[:, 4, 4].tolist() == [0, 7, 7, 7, 0]
    assert grown[2, 4].tolist() == [7] * 9
    assert reshape_objects(labels, "dilation", 20, SPACING)[1].max() == 0


def test_closing_fills_what_is_narrow_and_nothing_towards_the_edge() -> None:
    """A square (9) beside the upper left corner with a hole, and one (4) at the right edge with a slit that is open there."""
    from scipy import ndimage as ndi

    labels = np.zeros((40, 60), np.uint64)
    labels[3:19, 2:18] = 9
    labels[9:12, 9:12] = 0
    labels[5:25, 40:] = 4
    labels[14:17, 50:] = 0
    y, x = np.indices((11, 11)) - 5
    ball = (y**2 + x**2) * 25 <= 20**2  # pixels of 5 nm
    expected = ndi.binary_closing(np.pad(labels == 9, 10), ball)[10:-10, 10:-10] * np.uint64(9)
    expected[5:25, 40:] = 4
    found = reshape_objects(labels, "closing", 20, SPACING)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(
        reshape_objects(np.stack([labels] * 3), "closing", 20, SPACING)[1], expected
    )
    np.testing.assert_array_equal(
        reshape_objects(np.stack([labels] * 3), "closing", 20, SPACING, dims=3), np.stack([expected] * 3)
    )


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["erosion", "dilation", "opening", "closing"]),
    st.floats(0, 30),
)
def test_ids_are_kept_and_shapes_only_shrink_or_grow(seed: int, operation: str, radius: float) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, (6, 7)).repeat(5, 0).repeat(5, 1).astype(np.uint32) * 1000003
    result = reshape_objects(labels, operation, radius, SPACING)
    assert set(np.unique(result)) <= set(np.unique(labels)) | {0}
    if operation in ("erosion", "opening"):
        assert ((result == labels) | (result == 0)).all()
    else:
        assert (result[labels > 0] == labels[labels > 0]).all()


def test_a_negative_radius_is_refused() -> None:
    with pytest.raises(EmsegError, match="less than nothing"):
        reshape_objects(np.zeros((3, 3), np.uint32), "erosion", -1, None)


def test_bilateral_keeps_an_edge_better_than_gauss_at_equal_noise() -> None:
    from scipy import ndimage as ndi

    rng = np.random.default_rng(0)
    step = np.zeros((60, 60), np.float32)
    step[:, 30:] = 0.8
    noisy = step + rng.normal(0, 0.05, step.shape).astype(np.float32)
    ours = bilateral(noisy, 2.0, 0.2)
    noise = ours[:, 5:20].std()
    gauss = min(
        (ndi.gaussian_filter(noisy, s) for s in np.arange(0.5, 4, 0.1)),
        key=lambda g: abs(g[:, 5:20].std() - noise),
    )
    assert np.abs(ours - step)[:, 27:33].mean() < 0.5 * np.abs(gauss - step)[:, 27:33].mean()


def test_median_removes_a_speck() -> None:
    image = np.full((2, 9, 9), 100, np.uint8)
    image[0, 4, 4] = 255
    assert (median(image, 1) == 100).all()


def test_parts_that_meet_at_a_corner_are_two() -> None:
    likely = np.zeros((1, 8, 8), np.float32)
    likely[0, 1:4, 1:4] = likely[0, 4:7, 4:7] = 1
    found = find_instances(likely, InstanceSettings(min_volume_um3=0, seed_depth_nm=0), (40, 8, 8))
    assert found.labels.max() == 2


def test_a_large_thing_far_away_does_not_change_how_a_small_one_is_cut() -> None:
    rows, columns = np.mgrid[:60, :240]
    likely = ((rows - 20) ** 2 + (columns - 15) ** 2 < 81) | ((rows - 30) ** 2 + (columns - 29) ** 2 < 81)
    beside = likely | (columns >= 70)
    settings = InstanceSettings(min_volume_um3=0)
    one, two = (
        find_instances(p[None].astype(np.float32), settings, (8, 8, 8)).labels[0, :, :60]
        for p in (likely, beside)
    )
    assert one.max() == 2
    for thing in (1, 2):
        assert np.unique(two[one == thing]).size == 1


@pytest.mark.parametrize("operation", ["erosion", "dilation", "opening", "closing"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_the_type_of_ids_stays(operation: str, dtype: type) -> None:
    labels = np.zeros((9, 9), dtype)
    labels[2:7, 2:7] = 3
    assert reshape_objects(labels, operation, 5, (30, 4, 4)).dtype == dtype  # type: ignore[arg-type]
