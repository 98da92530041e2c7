"""Motion between two sections against pixel by pixel, the slow way."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.motion import (
    MotionField,
    coarse_borders,
    coarse_step,
    motion_field,
    shift_between,
)

BLOCK = 64


def test_a_warped_pixel_comes_from_where_its_block_says() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(1, 1000, (150, 131)).astype(np.uint32)
    # Some moves lead out of the section.
    field = MotionField(rng.uniform(0, 150, (12, 2)), rng.normal(0, 40, (12, 2)), 30.0)

    expected = np.zeros_like(image)
    for y, x in np.ndindex(image.shape):
        middle = [(k // BLOCK) * BLOCK + BLOCK // 2 for k in (y, x)]
        dy, dx = np.rint(field.at(np.array([middle], float))[0]).astype(int)
        if 0 <= y - dy < image.shape[0] and 0 <= x - dx < image.shape[1]:
            expected[y, x] = image[y - dy, x - dx]
    warped, twice = field.warp(image, image * 2)
    np.testing.assert_array_equal(warped, expected)
    np.testing.assert_array_equal(twice, expected * 2)
    assert 0 < np.count_nonzero(expected) < expected.size


@pytest.mark.parametrize("shape", [(5, 2000), (2000, 1), (1, 1)])
def test_a_strip_is_compared_in_blocks_that_fit_into_it(shape: tuple[int, int]) -> None:
    labels = np.arange(shape[0] * shape[1], dtype=np.uint32).reshape(shape) // 20
    borders = coarse_borders(labels)
    assert borders.size
    step = coarse_step(shape)
    assert borders.shape == (shape[0] // step, shape[1] // step)
    assert not shift_between(borders, borders, step).any()


def test_moves_are_the_mean_of_what_lies_around_and_of_all_where_nothing_does() -> None:
    field = MotionField(np.array([[0.0, 0.0], [0.0, 1e6]]), np.array([[2.0, 0.0], [0.0, 4.0]]), 10.0)
    np.testing.assert_allclose(field.at(np.array([[0.0, 0.0]])), [[2, 0]], atol=1e-6)
    np.testing.assert_allclose(field.at(np.array([[0.0, 5e5]])), [[1, 2]])


def test_objects_that_move_apart_need_a_narrow_reach() -> None:
    rng = np.random.default_rng(1)
    points, noise = rng.uniform(0, 500, (300, 2)), rng.normal(0, 1, (300, 2))
    swirl = np.stack([np.sin(points[:, 1] / 40), np.cos(points[:, 0] / 40)], 1) * 9
    assert motion_field(points, 3 + noise).reach_px == 1e4
    assert motion_field(points, swirl + 0.1 * noise).reach_px == 24


@pytest.mark.parametrize("shape", [(40, 57), (600, 300), (1103, 541)])
def test_borders_are_counted_in_blocks(shape: tuple[int, int]) -> None:
    labels = np.random.default_rng(2).integers(0, 3, shape).astype(np.uint32)
    step = coarse_step(shape)
    rows, columns = (n // step for n in shape)
    seen = labels[: rows * step, : columns * step]
    edge = np.zeros(seen.shape)
    edge[:-1] += seen[:-1] != seen[1:]
    edge[:, :-1] += seen[:, :-1] != seen[:, 1:]
    expected = edge.reshape(rows, step, columns, step).mean((1, 3))
    np.testing.assert_allclose(coarse_borders(labels), expected, rtol=1e-6)
