"""Pieces of a boundary map, what is said about the walls between them, and the map drawn anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_emseg.algorithms.agglomeration import merge_tree
from napari_emseg.algorithms.metrics.thinning import components
from napari_emseg.algorithms.wall_features import wall_features
from napari_emseg.algorithms.wall_map import redraw, wall_heights
from napari_emseg.algorithms.walls import Walls, find_walls


@pytest.fixture
def gap() -> np.ndarray:
    """Two cells, 24 x 20 pixels each, whose common membrane has a gap of two pixels; a false wall in the left one."""
    boundary = np.zeros((24, 41), np.float32)
    boundary[:, 20:22] = 0.9
    boundary[11:13, 20:22] = 0.1
    boundary[12, 1:20] = 0.6
    return boundary


def noise(seed: int, shape: tuple[int, int] = (40, 50)) -> np.ndarray:
    field = ndi.gaussian_filter(np.random.default_rng(seed).random(shape), 2)
    return ((field - field.min()) / np.ptp(field)).astype(np.float32)


def test_every_neck_is_a_wall(gap):
    walls = find_walls(gap)
    assert walls.pieces.min() == 1
    assert walls.pieces[5, 3] != walls.pieces[18, 3]  # beyond the false wall
    assert walls.pieces[5, 3] != walls.pieces[5, 35]  # beyond the gap
    assert walls.length.sum() == walls.here.size


def test_a_map_without_cells_is_one_piece_without_walls():
    for value in (0.0, 1.0):
        flat = np.full((9, 9), value, np.float32)
        walls = find_walls(flat)
        assert walls.a.size == 0
        assert (walls.pieces == 1).all()
        assert all(column.size == 0 for column in wall_features(walls, flat, 4.4).values())
        assert np.array_equal(redraw(flat, walls, np.zeros(0), 8), flat)


def test_features_say_what_was_drawn(gap):
    walls = find_walls(gap)
    found = wall_features(walls, gap, 4.4)

    def wall(one: tuple[int, int], other: tuple[int, int]) -> int:
        low, high = sorted((walls.pieces[one], walls.pieces[other]))
        return int(np.flatnonzero((walls.a == low) & (walls.b == high))[0])

    open_, whole, false = wall((5, 3), (5, 35)), wall((18, 3), (5, 35)), wall((5, 3), (18, 3))
    assert found["share 0.0"][open_] == pytest.approx(0.1)
    assert found["mean"][whole] == found["share 0.0"][whole] == pytest.approx(0.9)
    assert found["share 0.5"][false] == pytest.approx(0.6)
    assert found["straight"][whole] == pytest.approx(1, abs=0.15)


@given(st.integers(0, 50))
def test_features_do_not_depend_on_how_the_section_lies(seed):
    boundary, other = noise(seed), noise(seed + 1)
    walls = find_walls(boundary)
    turned = Walls(np.rot90(walls.pieces, 2).copy(), np.rot90(walls.depth, 2).copy())
    one = wall_features(walls, boundary, 4.4, {"other": other})
    two = wall_features(turned, np.rot90(boundary, 2).copy(), 4.4, {"other": np.rot90(other, 2).copy()})
    for name, column in one.items():
        assert np.allclose(column, two[name], atol=1e-5), name


def test_lengths_do_not_depend_on_the_pixel_size(gap):
    fine = np.kron(gap, np.ones((2, 2), np.float32))
    coarse, finer = (wall_features(find_walls(b), b, nm) for b, nm in ((gap, 4.4), (fine, 2.2)))
    for name in ("area high", "depth high", "length"):
        assert finer[name].max() == pytest.approx(coarse[name].max(), rel=0.15), name


@given(st.integers(0, 50), st.floats(0.05, 0.95))
def test_cut_anywhere_the_map_gives_the_joined_pieces(seed, threshold):
    boundary = noise(seed)
    walls = find_walls(boundary)
    chance = np.random.default_rng(seed).random(walls.a.size)
    height = wall_heights(walls, chance)
    drawn = redraw(np.zeros_like(boundary), walls, chance, 5.0)
    joined = np.arange(walls.n_ids)
    for a, b in zip(walls.a[height < threshold], walls.b[height < threshold], strict=True):
        joined[joined == joined[a]] = joined[b]
    cells = components(drawn < threshold)
    there = cells > 0
    pairs = np.unique(np.stack([cells[there], joined[walls.pieces[there]]]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1]  # no component reaches across a wall


@given(st.integers(0, 50))
def test_heights_are_those_of_the_merge_tree(seed):
    boundary = noise(seed)
    walls = find_walls(boundary)
    if not walls.a.size:
        return
    chance = wall_features(walls, boundary, 4.4)["mean"]
    height = wall_heights(walls, chance)
    tree = merge_tree(walls.pieces, boundary)
    for threshold in np.unique(height) + 1e-7:
        of_piece = tree.at(threshold)
        assert np.array_equal(of_piece[walls.a] == of_piece[walls.b], height < threshold)


def test_a_gap_is_closed_and_a_false_wall_is_gone(gap):
    walls = find_walls(gap)
    across = (walls.pieces[:, :20].max(1)[0], walls.pieces[5, 35])
    right = set(np.unique(walls.pieces[:, 22:]))
    chance = np.array([float((a in right) != (b in right)) for a, b in zip(walls.a, walls.b, strict=True)])
    cells = components(redraw(gap, walls, chance, 6.0) < 0.5)
    assert across is not None
    assert cells[5, 3] == cells[18, 3] > 0
    assert cells[5, 3] != cells[5, 35] > 0
    assert components(gap < 0.5)[5, 3] == components(gap < 0.5)[5, 35]


def test_a_wall_of_which_nothing_is_known_stands(gap):
    walls = find_walls(gap)
    height = wall_heights(walls, np.full(walls.a.size, np.nan))
    assert np.all(height == 1)
