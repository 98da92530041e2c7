"""One object grows into empty space. Two cells of 20 x 20 pixels, a membrane with a gap of three pixels between them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.progress import Silent
from napari_emseg.jobs.grow_here import GrowRequest, run
from napari_emseg.settings import SeedSettings


@pytest.fixture
def boundary() -> np.ndarray:
    boundary = np.zeros((22, 43), np.float32)
    boundary[[0, -1]] = boundary[:, [0, 21, -1]] = 0.9
    boundary[10:13, 21] = 0.2
    return boundary


def grown(boundary: np.ndarray, labels: np.ndarray, object_id: int, at: tuple[int, int]) -> np.ndarray:
    seeds = SeedSettings(min_distance_nm=10, merge_tolerance_nm=5)
    return run(GrowRequest(boundary, labels, object_id, at, seeds, (50, 5, 5)), Silent())


def test_a_dab_fills_its_cell_and_does_not_leak(boundary: np.ndarray) -> None:
    labels = np.zeros(boundary.shape, np.uint32)
    labels[3:6, 3:6] = 7
    taken = grown(boundary, labels, 7, (4, 4))
    assert taken[2:20, 7:20].all()
    assert not taken[3:6, 3:6].any()
    assert not taken[:, 23:].any()


def test_empty_space_under_the_mouse_is_a_seed(boundary: np.ndarray) -> None:
    taken = grown(boundary, np.zeros(boundary.shape, np.uint32), 9, (15, 30))
    assert taken[2:20, 24:41].all()
    assert not taken[:, :20].any()


def test_what_others_have_stays(boundary: np.ndarray) -> None:
    labels = np.zeros(boundary.shape, np.uint32)
    labels[3:6, 3:6] = 7
    labels[8:14, 4:12] = 8
    taken = grown(boundary, labels, 7, (4, 4))
    assert not taken[labels > 0].any()
    assert taken[16:20, 4:18].all()


def test_nowhere_to_go(boundary: np.ndarray) -> None:
    labels = np.full(boundary.shape, 8, np.uint32)
    labels[3:6, 3:6] = 7
    assert not grown(boundary, labels, 7, (4, 4)).any()


def test_what_is_too_thin_for_a_seed_is_no_way_into_the_next_cell() -> None:
    """Two cells with a strip of two pixels between them."""
    boundary = np.zeros((22, 46), np.float32)
    boundary[[0, -1]] = boundary[:, [0, 20, 21, 24, 25, -1]] = 0.9
    nothing = np.zeros(boundary.shape, np.uint32)
    taken = grown(boundary, nothing, 9, (10, 10))
    assert taken[2:20, 2:20].all()
    assert not taken[:, 22:].any()
    strip = grown(boundary, nothing, 9, (10, 23))
    assert strip[2:20, 22:24].all()
    assert not strip[:, :20].any()
    assert not strip[:, 26:].any()
