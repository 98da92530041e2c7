"""Seeds of shapes that are drawn: discs, dumb-bells, boxes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi
from skimage.morphology import h_maxima

from napari_emseg.algorithms import peaks
from napari_emseg.algorithms.peaks import hills
from napari_emseg.algorithms.seeds import distance_seeds, distance_to_membrane
from napari_emseg.settings import SeedSettings

UNIT = (1.0, 1.0, 1.0)
SETTINGS = SeedSettings(threshold=0.5, min_distance_nm=2, merge_tolerance_nm=3)


def dumb_bell(half_width: int) -> np.ndarray:
    """Membrane around two discs of radius 12 that are joined by a bridge of 2 half_width + 1 pixels."""
    y, x = np.mgrid[:40, :80]
    inside = (y - 20) ** 2 + (x - 20) ** 2 <= 144
    inside |= (y - 20) ** 2 + (x - 60) ** 2 <= 144
    inside |= (abs(y - 20) <= half_width) & (x > 20) & (x < 60)
    return (~inside).astype(np.float32)


@pytest.mark.parametrize(("half_width", "n"), [(1, 2), (5, 2), (11, 1)])
def test_a_neck_makes_two_seeds(half_width: int, n: int) -> None:
    assert distance_seeds(dumb_bell(half_width), SETTINGS, UNIT).max() == n


def test_a_higher_tolerance_makes_one_seed() -> None:
    loose = SETTINGS.model_copy(update={"merge_tolerance_nm": 11.0})
    assert distance_seeds(dumb_bell(4), loose, UNIT).max() == 1


@pytest.mark.parametrize("shape", [(30, 60), (31, 17), (9, 9)])
def test_one_seed_in_a_convex_region_however_flat_its_ridge(shape: tuple[int, int]) -> None:
    boundary = np.ones((40, 70), np.float32)
    boundary[3 : 3 + shape[0], 4 : 4 + shape[1]] = 0
    tight = SeedSettings(threshold=0.5, min_distance_nm=2, merge_tolerance_nm=0.5)
    assert distance_seeds(boundary, tight, UNIT).max() == 1


def test_seeds_lie_as_deep_as_asked() -> None:
    boundary = dumb_bell(1)
    seeds = distance_seeds(boundary, SETTINGS.model_copy(update={"min_distance_nm": 6.0}), UNIT)
    distance = distance_to_membrane(boundary < 0.5, UNIT)
    np.testing.assert_array_equal(seeds > 0, distance >= 6)


def test_lengths_are_nanometres_and_axes_may_differ() -> None:
    # A slit of 3 x 41 pixels: 15 nm half width along y at 10 nm, 1.5 nm at 1 nm.
    boundary = np.ones((5, 41), np.float32)
    boundary[1:4] = 0
    settings = SeedSettings(threshold=0.5, min_distance_nm=15, merge_tolerance_nm=5)
    assert distance_seeds(boundary, settings, (50, 10, 2)).max() == 1
    assert distance_seeds(boundary, settings, (50, 2, 10)).max() == 0


def test_sections_are_seeded_apart_and_together() -> None:
    boundary = np.repeat(dumb_bell(1)[None], 3, axis=0)
    flat = distance_seeds(boundary, SETTINGS, UNIT)
    assert [np.unique(section).tolist() for section in flat] == [[0, 1, 2], [0, 3, 4], [0, 5, 6]]
    solid = distance_seeds(boundary, SETTINGS.model_copy(update={"dims": 3}), UNIT)
    assert np.unique(solid).tolist() == [0, 1, 2]
    np.testing.assert_array_equal(solid[0], solid[2])


def test_eight_bits_and_the_mask() -> None:
    boundary = dumb_bell(1)
    np.testing.assert_array_equal(
        distance_seeds((boundary * 255).astype(np.uint8), SETTINGS, UNIT),
        distance_seeds(boundary, SETTINGS, UNIT),
    )
    left = np.arange(80)[None].repeat(40, 0) < 40
    masked = distance_seeds(boundary, SETTINGS, UNIT, mask=left)
    assert masked.max() == 1
    assert not masked[:, 40:].any()


def test_nothing_but_membrane_and_no_membrane_at_all() -> None:
    assert distance_seeds(np.ones((8, 8), np.float32), SETTINGS, UNIT).max() == 0
    assert distance_seeds(np.zeros((8, 8), np.float32), SETTINGS, UNIT).max() == 1


@pytest.mark.parametrize("seed", range(3))
def test_peaks_are_the_h_maxima(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # All heights differ: of two equal peaks the peer keeps both, however shallow the pass between them.
    smooth = ndi.gaussian_filter(rng.random((50, 60)), 2)
    height = (smooth.ravel().argsort().argsort() + 1).reshape(smooth.shape).astype(np.float32)
    n_peer = ndi.label(h_maxima(height, 200.0), np.ones((3, 3)))[1]
    assert hills(height, 200.0).max() == n_peer > 5


@pytest.mark.parametrize("shape", [(40, 50), (7, 20, 30)])
def test_hills_of_more_pixels_than_32_bits_can_count_are_the_same(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    height = np.random.default_rng(0).random(shape).astype(np.float32)
    height[height < 0.3] = 0
    few = hills(height, 0.2)
    assert np.iinfo(few.dtype).max == peaks._MOST_IN_32_BITS
    monkeypatch.setattr(peaks, "_MOST_IN_32_BITS", 100)
    many = hills(height, 0.2)
    assert (few.dtype, many.dtype) == (np.int32, np.int64)
    np.testing.assert_array_equal(few, many)


@pytest.mark.parametrize("dims", [2, 3])
def test_no_seed_reaches_through_a_corner_of_a_membrane(dims: int) -> None:
    """Cells three pixels wide between diagonal membranes of one pixel, at 16 nm."""
    rows, columns = np.mgrid[:40, :40]
    section = ((columns - rows) % 4 == 0).astype(np.float32)
    boundary = section if dims == 2 else np.stack([section] * 3)
    seeds = distance_seeds(boundary, SeedSettings(dims=dims), (16, 16, 16))
    cells = ndi.label(boundary < 0.4)[0]
    assert cells.max() > 15
    for seed in range(1, int(seeds.max()) + 1):
        assert np.unique(cells[seeds == seed]).size == 1
    assert np.unique(cells[seeds > 0]).size == cells.max()


def spotted(seed: int) -> np.ndarray:
    """Membranes around cells of all sizes and shapes, thin ones too."""
    noise = ndi.gaussian_filter(np.random.default_rng(seed).normal(size=(161, 203)), (2, 4))
    return (np.abs(noise) < 0.02).astype(np.float32)


@pytest.mark.parametrize("tolerance", [4.0, 10.0, 30.0])
@pytest.mark.parametrize("depth", [0.0, 4.0])
def test_seeds_are_the_h_maxima_of_every_area(tolerance: float, depth: float) -> None:
    """Pixels taken two by two give as many seeds in each area as single ones, but for necks within a pixel of the bar."""
    boundary = spotted(3)
    seeds = distance_seeds(
        boundary, SeedSettings(threshold=0.5, min_distance_nm=depth, merge_tolerance_nm=tolerance), UNIT
    )
    distance = distance_to_membrane(boundary < 0.5, UNIT)
    deep = distance >= max(depth, 0.5)
    areas, n = ndi.label(deep, np.ones((3, 3)) if depth >= 3 else None)
    assert len(np.unique(areas[seeds > 0])) == n
    assert all(len(np.unique(areas[seeds == k])) == 1 for k in range(1, int(seeds.max()) + 1))
    fewest, most = (
        sum(int(hills(np.where(areas == k, distance, 0), bar).max()) for k in range(1, n + 1))
        for bar in (tolerance + 1.5, tolerance - 1.5)
    )
    assert fewest <= seeds.max() <= most


def test_as_set_a_thin_cell_has_a_seed_and_a_large_one_at_the_edge_of_the_view_has_one_alone() -> None:
    boundary = np.full((160, 240), 0.05, np.float32)
    boundary[100:104] = boundary[107:111] = 0.9  # a cell of three pixels between two
    y, x = np.mgrid[:160, :240]
    # A wedge into the upper one.
    boundary[(abs(x - 120) < 40) & (y > 75 + abs(x - 120) / 2) & (y < 100)] = 0.9
    seeds = distance_seeds(boundary, SeedSettings(), (50.0, 5.0, 5.0))
    assert len(np.unique(seeds[:100][seeds[:100] > 0])) == 1
    assert (seeds[104:107] > 0).all()
    assert seeds.max() == 3
