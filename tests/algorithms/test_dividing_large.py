"""Large areas are divided on a coarser grid first: nearly as pixel by pixel, and much sooner."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_emseg.algorithms.dividing import divide
from napari_emseg.algorithms.dividing_large import divide_large

SHAPE = (201, 303)


def seeds_at(*places: tuple[int, ...], shape: tuple[int, ...] = SHAPE) -> NDArray[np.uint32]:
    seeds = np.zeros(shape, np.uint32)
    for n, place in enumerate(places, 1):
        seeds[place] = n
    return seeds


def faint_wall() -> NDArray[np.float32]:
    """A wavy membrane around column 220, six pixels wide and of 50 %, in a cell with a little texture."""
    found = np.random.default_rng(0).uniform(0, 0.002, SHAPE).astype(np.float32)
    rows, columns = np.indices(SHAPE)
    found[np.abs(columns - 220 - 10 * np.sin(rows / 20)) <= 3] = 0.5
    return found


@pytest.mark.parametrize("most", [20_000, 5_000, 1_000])
def test_the_cut_is_where_it_would_be_pixel_by_pixel(most: int) -> None:
    boundary, seeds = faint_wall(), seeds_at((100, 30), (100, 270))
    where = np.ones(SHAPE, bool)
    exact = divide(boundary, seeds, where)
    found = divide_large(boundary, seeds, where, most=most)
    assert (found != exact).mean() < 0.01
    cytoplasm = ndi.binary_erosion(boundary < 0.01, iterations=2)
    np.testing.assert_array_equal(found[cytoplasm], exact[cytoplasm])
    eight = np.rint(255 * boundary).astype(np.uint8)
    assert (divide_large(eight, seeds, where, most=most) != exact).mean() < 0.02


def test_small_areas_are_divided_pixel_by_pixel() -> None:
    boundary, seeds = faint_wall(), seeds_at((100, 30), (100, 270))
    where = np.zeros(SHAPE, bool)
    where[40:160, 20:290] = True
    np.testing.assert_array_equal(divide_large(boundary, seeds, where), divide(boundary, seeds, where))


def test_parts_without_a_seed_stay_empty_and_nothing_goes_beyond_the_area() -> None:
    where = np.zeros(SHAPE, bool)
    where[:150] = True
    where[152:, :40] = True  # one row from the rest: in one square with it
    found = divide_large(faint_wall(), seeds_at((100, 30), (100, 270)), where, most=5_000)
    np.testing.assert_array_equal(found > 0, where & (np.arange(SHAPE[0])[:, None] < 150))


def test_seeds_beside_each_other_are_kept_apart() -> None:
    seeds = seeds_at((100, 30), (100, 33))
    found = divide_large(np.zeros(SHAPE, np.float32), seeds, np.ones(SHAPE, bool), most=2_000)
    assert (found[100, 30], found[100, 33]) == (1, 2)
    assert (found[:, :29] == 1).all()
    assert (found[:, 35:] == 2).all()


def test_sections_stay_sections() -> None:
    boundary = np.stack([faint_wall()] * 2)
    seeds = seeds_at((0, 100, 30), (1, 100, 270), shape=boundary.shape)
    spacing = (50.0, 5.0, 5.0)
    where = np.ones(boundary.shape, bool)
    exact = divide(boundary, seeds, where, spacing)
    assert (divide_large(boundary, seeds, where, spacing, most=10_000) != exact).mean() < 0.01
