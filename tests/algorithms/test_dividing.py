"""A cell that two seeds share is divided where there is most of a membrane, however faint it is.

Cells of 41 x 61 pixels; a faint wall stands in column 40, much nearer to the right seed::

    0        10            40   50    60
    |   1    x             :    x 2   |
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_emseg.algorithms.dividing import divide, divide_shared, narrowness, sharing
from napari_emseg.algorithms.placed_seeds import PlacedSeeds, divided
from napari_emseg.algorithms.watershed import grow, segment_sections
from napari_emseg.settings import SeedSettings, SegmentSettings

SHAPE = (41, 61)
UNIT = (1.0, 1.0, 1.0)


def two_seeds() -> NDArray[np.uint32]:
    seeds = np.zeros(SHAPE, np.uint32)
    seeds[20, 10], seeds[20, 50] = 7, 3
    return seeds


def walls(height: float, *, texture: float = 0.002, hole: int = 0) -> NDArray[np.float32]:
    """A wall with a hole of so many pixels at its end, in a cell with a little texture."""
    found = np.random.default_rng(0).uniform(0, texture, SHAPE).astype(np.float32)
    found[:, 38:41] = height
    found[:hole, 38:41] = 0
    return found


def wrong(labels: NDArray[np.uint32]) -> float:
    """Share of the pixels beside the wall that went to the other seed."""
    return float(np.r_[(labels[:, :38] != 7).ravel(), (labels[:, 41:] != 3).ravel()].mean())


@pytest.mark.parametrize(
    ("height", "texture", "runs_through"),
    [(0.9, 0.01, False), (0.2, 0.01, False), (0.03, 0.002, True), (0.015, 0.0, True)],
)
def test_the_cut_follows_faint_membranes(height: float, texture: float, runs_through: bool) -> None:
    boundary = walls(height, texture=texture)
    assert wrong(divide(boundary, two_seeds(), np.ones(SHAPE, bool))) < 0.01
    eight = np.rint(255 * boundary).astype(np.uint8)
    assert wrong(divide(eight, two_seeds(), np.ones(SHAPE, bool))) < 0.01
    assert (wrong(grow(boundary, two_seeds())) > 0.1) == runs_through


def test_a_hole_is_a_way_out_for_what_lies_near_it() -> None:
    """Through the hole the right seed gets to the corner behind it, and not past the middle between the seeds."""
    found = divide(walls(0.5, hole=6), two_seeds(), np.ones(SHAPE, bool))
    assert (found[0, 36:] == 3).all()
    assert (found[20:, :38] == 7).all()
    assert (found[:, :28] == 7).all()
    assert wrong(found) < 0.08


def test_seeds_keep_their_pixels_and_nothing_goes_beyond_the_area() -> None:
    where = np.zeros(SHAPE, bool)
    where[5:30, 5:55] = True
    where[35:38, 5:10] = True  # an island that no seed gets to
    found = divide(walls(0.3), two_seeds(), where)
    assert (found[20, 10], found[20, 50]) == (7, 3)
    np.testing.assert_array_equal(found > 0, where & (np.arange(41)[:, None] < 30))
    assert not divide(walls(0.3), np.zeros(SHAPE, np.uint32), where).any()


def test_thick_sections_are_long_ways() -> None:
    """Two seeds one above the other: the nearer one counts in nanometres."""
    seeds = np.zeros((3, 9, 41), np.uint32)
    seeds[0, 4, 4], seeds[2, 4, 36] = 1, 2
    found = divide(np.zeros(seeds.shape, np.float32), seeds, np.ones(seeds.shape, bool), (200.0, 5.0, 5.0))
    assert (found[0] == 1).mean() > 0.95
    assert (found[2] == 2).mean() > 0.95
    cubes = divide(np.zeros(seeds.shape, np.float32), seeds, np.ones(seeds.shape, bool))
    assert (cubes[0] == 1).mean() < 0.6


def test_only_what_is_shared_changes() -> None:
    stack = np.concatenate([walls(0.03), walls(0.03)])
    stack[41] = 1
    seeds = np.zeros(stack.shape, np.uint32)
    seeds[:41] = two_seeds()
    seeds[60, 30] = 9
    labels = grow(stack, seeds)
    cells = np.ones(stack.shape, np.uint8)
    cells[41:] = 2
    assert [group.tolist() for group in sharing(cells, seeds)] == [[3, 7]]
    assert sharing(cells, seeds, only=np.array([9])) == []
    found = divide_shared(labels, stack, seeds, sharing(cells, seeds))
    np.testing.assert_array_equal(found == 9, labels == 9)
    assert wrong(labels[:41]) > 0.1
    assert wrong(found[:41]) < 0.01
    assert divide_shared(labels, stack, seeds, []) is labels


def test_a_placed_seed_and_a_found_one_meet_at_the_faint_membrane() -> None:
    """The window's way: the middle of the cell is found, the part behind the wall was clicked."""
    boundary = np.full((45, 65), 1, np.float32)
    boundary[2:43, 2:63] = walls(0.03)
    stack, other = boundary[None], SegmentSettings(min_size_nm2=0)
    labels = segment_sections(
        stack, SeedSettings(), other, (50.0, 5.0, 5.0), placed=PlacedSeeds(((0, 22, 56),))
    )[0]
    left, right = int(labels[22, 20]), int(labels[22, 56])
    assert left != right
    inner = labels[2:43, 2:63]
    assert (inner[:, :38] == left).mean() > 0.98
    assert (inner[:, 41:] == right).mean() > 0.98


def test_a_cell_that_fills_the_picture_is_widest_in_its_middle() -> None:
    found = narrowness(np.ones((1, 21, 31), bool))[0]
    assert found[10, 10:21].max() == 0
    np.testing.assert_array_equal(
        found == found.max(), np.pad(np.zeros((19, 29), bool), 1, constant_values=True)
    )


def test_objects_of_three_dimensions_are_divided_alike() -> None:
    boundary = np.stack([walls(0.03)] * 3)
    labels = np.ones(boundary.shape, np.uint32)
    found = divided(labels, boundary, [(1, 20, 10), (1, 20, 50)], UNIT)
    assert (found[:, :, :38] == 1).mean() > 0.98
    assert (found[:, :, 41:] == 2).mean() > 0.98
