"""Seeds that people placed among those that were found, pixel by pixel."""

from __future__ import annotations

import numpy as np

from napari_emseg.algorithms.cleanup import join_small
from napari_emseg.algorithms.placed_seeds import NOTHING_PLACED, PlacedSeeds, middles_of, with_placed
from napari_emseg.algorithms.seeds import seed_every_area
from napari_emseg.settings import SeedSettings

NONE = np.zeros((0, 2), np.intp)


def areas() -> np.ndarray:
    """Area 1 is a bar of five pixels, area 2 a U whose mean lies outside it."""
    found = np.zeros((9, 12), np.uint32)
    found[1, 1:6] = 1
    found[3:8, 4] = found[3:8, 8] = found[7, 4:9] = 2
    return found


def test_the_middle_lies_inside() -> None:
    ids, places = middles_of(areas())
    assert ids.tolist() == [1, 2]
    assert places[0].tolist() == [1, 3]
    assert places[1].tolist() in ([6, 4], [7, 6])  # the mean is (5.3, 6), between the arms
    assert middles_of(np.zeros((3, 3), np.uint32))[0].size == 0


def test_an_area_with_a_point_shrinks_to_its_middle() -> None:
    seeds, numbers = with_placed(areas(), np.array([[1, 1], [0, 10]]), NONE)
    assert numbers.tolist() == [3, 4]
    assert np.argwhere(seeds == 1).tolist() == [[1, 3]]
    assert (seeds == 2).sum() == (areas() == 2).sum()
    assert (seeds[1, 1], seeds[0, 10]) == (3, 4)
    # on the middle itself the point takes its place
    assert not (with_placed(areas(), np.array([[1, 3]]), NONE)[0] == 1).any()


def test_struck_areas_and_points_outside_are_left_out() -> None:
    mask = np.ones((9, 12), bool)
    mask[0] = False
    given = areas()
    seeds, numbers = with_placed(given, np.array([[0, 10], [8, 0]]), np.array([[7, 6], [0, 0]]), mask=mask)
    assert np.unique(seeds).tolist() == [0, 1, 3]
    assert numbers.tolist() == [0, 3]
    np.testing.assert_array_equal(given, areas())


def test_nothing_placed_is_nothing() -> None:
    assert not NOTHING_PLACED
    assert not PlacedSeeds(alone=True)
    assert PlacedSeeds(struck=((0, 1, 1),))
    assert PlacedSeeds(((0, 1, 2), (1, 3, 4))).of(1)[0].tolist() == [[3, 4]]


def test_what_is_too_thin_gets_a_seed_of_its_own() -> None:
    boundary = np.zeros((5, 9), np.float32)
    boundary[:, [3, 5]] = 1
    seeds = np.zeros((5, 9), np.uint32)
    seeds[2, 1], seeds[2, 7] = 1, 2
    found = seed_every_area(boundary, seeds, SeedSettings(), (50, 5, 5))
    assert np.unique(found[:, 4]).size == 1
    assert found[0, 4] > 2
    np.testing.assert_array_equal(found[:, [0, 1, 2, 6, 7, 8]], seeds[:, [0, 1, 2, 6, 7, 8]])


def test_a_segment_that_is_called_large_stays_and_takes_crumbs_in() -> None:
    labels = np.array([[1, 1, 1, 2, 3, 3, 3, 3]], np.uint32)
    walls = np.array([[0, 0, 0, 0.1, 0.9, 0, 0, 0]], np.float32)
    assert join_small(labels, walls, 3)[0].tolist() == [1, 1, 1, 1, 3, 3, 3, 3]
    kept = join_small(labels, walls, 4, large=np.array([2]))
    assert kept[0].tolist() == [2, 2, 2, 2, 3, 3, 3, 3]  # 1 is a crumb now, and larger than what it joins
