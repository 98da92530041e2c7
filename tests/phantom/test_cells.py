"""Cells: a toy tissue of two or three still discs has borders that are known exactly.

y ^      .  left (y 0, x 0, r 100)     |     right (y 0, x 200, r 100)
  |      the border is the line x = 100, and the distance to it is |x - 100|
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from napari_emseg.phantom.cells import FAR_NM, Tissue, draw_tissue
from napari_emseg.phantom.fields import SmoothField, pixel_centres
from napari_emseg.phantom.identity import label_cells
from napari_emseg.phantom.neurites import Discs

FLAT = SmoothField(np.zeros((5, 5, 5), np.float32), (1e6, 1e6, 1e6), (-1e5, -1e5, -1e5))


def still_discs(y: list[float], x: list[float], radius: list[float], neurite: list[int]) -> Discs:
    n = len(y)
    values = {f.name: np.zeros(n) for f in fields(Discs)}
    values.update(
        neurite=np.array(neurite), bundle=np.zeros(n, np.intp), radius=np.array(radius),
        knots=np.zeros(1), places=np.array([[y, x]], float),
        period=np.full(n, 1e12), z_low=np.full(n, -np.inf), z_high=np.full(n, np.inf),
    )  # fmt: skip
    return Discs(**values)


def tissue_of(discs: Discs, glia_nm: float = 0.0) -> Tissue:
    return Tissue(discs, (), FLAT, glia_nm)


@pytest.fixture
def grid() -> tuple[np.ndarray, np.ndarray]:
    return np.arange(-20.0, 20.0, 4.0), np.arange(2.0, 200.0, 4.0)


def test_border_between_equal_discs_is_their_bisector(grid: tuple[np.ndarray, np.ndarray]) -> None:
    y, x = grid
    cut = tissue_of(still_discs([0, 0], [0, 200], [100, 100], [0, 1])).cut(np.array([5.0]), y, x)
    assert np.array_equal(cut.owner[0], np.broadcast_to((x > 100).astype(int), cut.owner[0].shape))
    expected = np.broadcast_to(np.minimum(np.abs(x - 100), FAR_NM), cut.distance_nm[0].shape)
    assert np.allclose(cut.distance_nm[0], expected, atol=0.01)


def test_no_border_between_discs_of_one_neurite(grid: tuple[np.ndarray, np.ndarray]) -> None:
    y, x = grid
    cut = tissue_of(still_discs([0, 0, 0], [0, 200, 900], [100, 100, 50], [0, 0, 1])).cut(
        np.array([5.0]), y, x
    )
    assert (cut.owner == 0).all()
    assert (cut.distance_nm == FAR_NM).all()


def test_glia_fill_the_gap_between_bundles(grid: tuple[np.ndarray, np.ndarray]) -> None:
    y, x = grid
    discs = still_discs([0, 0], [0, 200], [100, 100], [0, 1])
    discs = replace(discs, bundle=np.array([0, 1]))
    cut = tissue_of(discs, glia_nm=240.0).cut(np.array([5.0]), y, x)  # sheets 0.1 * 240 nm to each side
    assert np.array_equal(cut.owner[0, 0] == 2, np.abs(x - 100) < 24)
    assert np.allclose(cut.distance_nm[0, 0], np.minimum(np.abs(np.abs(x - 100) - 24), FAR_NM), atol=0.01)


def test_glia_do_not_squeeze_thin_processes(grid: tuple[np.ndarray, np.ndarray]) -> None:
    y, x = grid
    discs = still_discs([0, 0], [0, 140], [100, 40], [0, 1])
    discs = replace(discs, bundle=np.array([0, 1]))
    cut = tissue_of(discs, glia_nm=400.0).cut(np.array([5.0]), y, x)
    glia = x[cut.owner[0, 0] == 2]
    assert 100 - 25 - 8 < glia.min() < 100 < glia.max() < 100 + 10 + 8


def test_blocks_agree_with_the_whole() -> None:
    """Lists of candidates are complete: a block computed alone gives the same cells and distances."""
    rng = np.random.default_rng(3)
    n = 60
    discs = still_discs(
        list(rng.uniform(0, 1500, n)),
        list(rng.uniform(0, 1500, n)),
        list(rng.uniform(30, 200, n)),
        list(range(n)),
    )
    tissue = tissue_of(discs)
    y, x = pixel_centres(120, 10.0), pixel_centres(130, 10.0)
    whole = tissue.cut(np.array([0.0]), y, x)
    dy, dx = y[:, None, None] - discs.places[0, 0], x[None, :, None] - discs.places[0, 1]
    power = (dy**2 + dx**2 - discs.radius**2) * (discs.radius / 100) ** -0.8
    clear = np.diff(np.sort(power, axis=-1)[..., :2], axis=-1)[..., 0] > 1.0
    assert np.array_equal(whole.owner[0][clear], power.argmin(axis=-1)[clear])
    part = tissue.cut(np.array([0.0]), y[37:61], x[41:90])
    assert np.allclose(part.distance_nm[0], whole.distance_nm[0, 37:61, 41:90], atol=0.5)


def test_owners_alone_are_those_of_the_cut() -> None:
    """Glia included, which need the distances that are left out elsewhere."""
    tissue = draw_tissue(np.random.default_rng(1), (200.0, 1600.0, 1600.0), 180.0, 2.0)
    z, y, x = np.array([60.0, 110.0]), pixel_centres(160, 10.0), pixel_centres(150, 10.0)
    owner = tissue.cut(z, y, x).owner
    assert 0.02 < (owner == tissue.glia_index).mean() < 0.5
    assert np.array_equal(tissue.owners(z, y, x), owner)


def test_every_id_is_connected_and_crumbs_are_gone() -> None:
    owner = np.zeros((3, 20, 30), np.int32)
    owner[:, :, 15:] = 1
    owner[:, 4:12, 22:28] = 0  # far from the rest of owner 0: another id
    owner[1, 10, 5] = 1  # a crumb of one voxel
    labels, owner_of = label_cells(owner)
    assert labels.dtype == np.uint32
    assert sorted(np.unique(labels)) == [1, 2, 3]
    assert labels[1, 10, 5] == labels[1, 10, 6]
    assert labels[0, 5, 23] != labels[0, 0, 0]
    assert owner_of[labels[0, 5, 23]] == owner_of[labels[0, 0, 0]] == 0
    assert owner_of[0] == -1
    assert owner_of[labels[0, 0, 20]] == 1


def test_a_ball_is_there_only_near_its_depth() -> None:
    discs = still_discs([0, 0], [0, 10], [500, 40], [0, 1])
    discs = replace(discs, z_low=np.array([-np.inf, 100.0]), z_high=np.array([np.inf, 100.0]))
    *_, weight = discs.at(np.array([40.0, 100.0, 130.0, 160.0]))
    assert (weight[[0, 3], 1] < 0).all()
    assert weight[1, 1] == pytest.approx(1600)
    assert weight[2, 1] == pytest.approx(1600 - 900)
