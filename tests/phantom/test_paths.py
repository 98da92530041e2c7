"""Ways of neurites: toy crowds of two or three discs, and a whole phantom."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.phantom.cells import draw_tissue
from napari_emseg.phantom.fields import pixel_centres
from napari_emseg.phantom.neurites import Discs, draw_neurites
from napari_emseg.phantom.paths import STEP_NM, Crowd, grow

BOX = np.full(2, -5000.0), np.full(2, 5000.0)


def crowd_of(
    y: list[float],
    radius: list[float],
    *,
    body: list[int] | None = None,
    parent: list[int] | None = None,
    balls: list[list[float]] | None = None,
) -> Crowd:
    n = len(y)
    bodies = np.array(body if body is not None else range(n))
    parents = np.array(parent if parent is not None else [-1] * n)
    slope = np.zeros((int(bodies.max()) + 1, 2))
    slope[bodies[parents >= 0]] = 0.0, 1.0
    return Crowd(
        y=np.array(y, float), x=np.zeros(n), radius=np.array(radius, float),
        period=np.full(n, 1e12), phase=np.zeros(n), z_low=np.full(n, -np.inf), z_high=np.full(n, np.inf),
        body=bodies, parent=parents, branch_z=np.full(n, 600.0), branch_way=(parents >= 0).astype(float),
        slope=slope, balls=np.array(balls, float) if balls is not None else np.empty((0, 4)),
    )  # fmt: skip


def away(places: np.ndarray, a: int, b: int) -> np.ndarray:
    return np.hypot(*(places[:, :, a] - places[:, :, b]).T)


def test_discs_that_overlap_go_apart_and_stay_so() -> None:
    for seed in range(5):
        knots, places = grow(np.random.default_rng(seed), crowd_of([0, 30], [100, 50]), 1000.0, *BOX)
        assert np.allclose(np.diff(knots), STEP_NM)
        assert knots[0] <= 0
        assert knots[-1] >= 1000
        assert away(places, 0, 1).min() > 145


def test_discs_of_one_body_move_alike() -> None:
    _, places = grow(
        np.random.default_rng(1), crowd_of([0, 60, 130], [100, 50, 40], body=[0, 0, 1]), 1000.0, *BOX
    )
    assert np.allclose(places[:, :, 1] - places[:, :, 0], [60, 0])


def test_a_thin_process_goes_around_a_ball_and_a_large_one_does_not() -> None:
    ball = [[500.0, 0.0, 0.0, 60.0]]
    _, places = grow(np.random.default_rng(0), crowd_of([10, 400], [50, 300], balls=ball), 1000.0, *BOX)
    middle = places[len(places) // 2]
    assert np.hypot(*middle[:, 0]) > 109
    large = crowd_of([10], [300], balls=ball)
    assert np.allclose(
        grow(np.random.default_rng(0), large, 1000.0, *BOX)[1][len(places) // 2, :, 0], [10, 0]
    )


def test_a_daughter_is_with_its_parent_until_it_leaves() -> None:
    crowd = crowd_of([0, 0], [100, 60], body=[0, 1], parent=[-1, 0])
    knots, places = grow(np.random.default_rng(2), crowd, 1000.0, *BOX)
    apart = away(places, 0, 1)
    assert (apart[knots <= 600] == 0).all()
    assert (apart[knots > 640] > 0).all()
    assert apart[-1] > apart[knots > 600][0]


def test_nothing_leaves_the_box_or_moves_in_jumps() -> None:
    low, high = np.full(2, -60.0), np.full(2, 60.0)
    crowd = crowd_of([-50, 0, 50], [40, 40, 40])
    _, places = grow(np.random.default_rng(3), crowd, 4000.0, low, high)
    assert np.hypot(*np.moveaxis(np.diff(places, axis=0), 1, 0)).max() <= STEP_NM


@pytest.fixture(scope="module")
def deep() -> Discs:
    return draw_neurites(np.random.default_rng(7), (4000.0, 1500.0, 1500.0), 180.0)


def test_neurites_stay_beside_each_other_in_deep_stacks(deep: Discs) -> None:
    """They were once straight, and ran through each other the more the further from the middle."""
    for z in (100.0, 1000.0, 2000.0, 3000.0, 3900.0):
        y, x, weight = (k[0] for k in deep.at(np.array([z])))
        chain = deep.z_low == deep.z_high
        here = np.flatnonzero((weight > 0) & ~chain)
        near = np.hypot(y[here, None] - y[here], x[here, None] - x[here]) - np.sqrt(weight[here])
        near[deep.neurite[here, None] == deep.neurite[here]] = np.inf
        room = near.min(axis=1) / np.sqrt(weight[here])
        assert np.mean(room < 0.5) < 0.08


def test_objects_rarely_step_aside_by_their_width() -> None:
    """In FIB-SEM of the fly's medulla that happens in one of 200 places in sections of 40 nm."""
    tissue = draw_tissue(np.random.default_rng(5), (4000.0, 2000.0, 2000.0), 180.0, 1.0)
    grid = pixel_centres(200, 10.0)
    gone = there = 0
    for z in np.arange(100.0, 3900.0, 300.0):
        cut = tissue.cut(np.array([z, z + 40.0]), grid, grid)
        one, two = np.where(cut.distance_nm > 13, cut.owner + 1, 0)
        both = np.intersect1d(one, two)[1:]
        there += both.size
        gone += both.size - np.unique(one[(one == two) & (one > 0)]).size
    assert there > 800
    assert gone / there < 0.015
