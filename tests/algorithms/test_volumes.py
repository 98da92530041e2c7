"""Whole volumes: whatever the blocks and their order, the same voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_emseg.algorithms.blocks import grid
from napari_emseg.algorithms.border_evidence import border_evidence
from napari_emseg.algorithms.contacts import Contacts
from napari_emseg.algorithms.metrics.segmentation import segmentation_scores
from napari_emseg.algorithms.volumes import join_crumbs, segment_blocks
from napari_emseg.algorithms.watershed import segment_volume
from napari_emseg.settings import SeedSettings, SegmentSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPACING = (20.0, 10.0, 10.0)
SEEDS, SETTINGS = SeedSettings(dims=3), SegmentSettings()
SHAPE = (14, 60, 66)


def cells(seed: int, shape: tuple[int, int, int] = SHAPE, n: int = 14) -> tuple[np.ndarray, np.ndarray]:
    """Cells around random points, and a soft, gappy map of their borders."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 1, (n, 3)) * shape
    places = np.stack(np.indices(shape), -1)[..., None, :]
    truth = (((places - points) * (1.0, 0.6, 0.6)) ** 2).sum(-1).argmin(-1).astype(np.uint32) + 1
    walls = np.zeros(shape, bool)
    for axis in (1, 2):
        walls |= truth != np.roll(truth, 1, axis)
    walls[1:] |= truth[1:] != truth[:-1]
    strength = np.clip(0.9 + 0.3 * ndi.gaussian_filter(rng.normal(size=shape), 2) / 0.1, 0.3, 1)
    noisy = ndi.gaussian_filter(walls * strength, (0.4, 1, 1)) * 1.6 + rng.normal(0, 0.04, shape)
    return truth, np.clip(noisy, 0, 1).astype(np.float32)


@pytest.mark.parametrize("seed", range(20))
def test_blocks_of_any_size_in_any_order_give_the_same_voxels(seed: int, tmp_path: Path) -> None:
    _, boundary = cells(seed % 4)
    whole = segment_volume(boundary, SEEDS, SETTINGS, SPACING)
    assert whole.max() > 5
    rng = np.random.default_rng(seed)
    block = tuple(int(rng.integers(low, n + 4)) for low, n in zip((5, 20, 22), SHAPE, strict=True))
    order = rng.permutation(len(grid(SHAPE, block))).tolist()
    folder = tmp_path if seed % 2 else None
    found = segment_blocks(boundary, SEEDS, SETTINGS, SPACING, block=block, order=order, folder=folder)
    np.testing.assert_array_equal(found[:], whole)
    np.testing.assert_array_equal(found[3, 5:20:2], whole[3, 5:20:2])


@pytest.mark.parametrize("joining", ["auto", "mean", "gasp", "multicut", "mutex"])
def test_every_rule_finds_the_cells(joining: str) -> None:
    truth, boundary = cells(1)
    labels = segment_volume(boundary, SEEDS, SegmentSettings(joining=joining), SPACING)
    assert segmentation_scores(truth, labels)["adapted_rand_error"] < 0.1


@pytest.mark.parametrize("change", [lambda p: p, lambda p: 0.4 * p + 0.2, np.sqrt])
def test_a_pale_or_skewed_map_gives_the_same_cells(change: Callable[[np.ndarray], np.ndarray]) -> None:
    truth, boundary = cells(2)
    labels = segment_volume(change(boundary), SEEDS, SETTINGS, SPACING)
    assert segmentation_scores(truth, labels)["adapted_rand_error"] < 0.1


def test_eight_bits_are_the_same_map() -> None:
    _, boundary = cells(3)
    bits = np.rint(boundary * 255).astype(np.uint8)
    a, b = (segment_volume(x, SEEDS, SETTINGS, SPACING) for x in (boundary, bits))
    np.testing.assert_array_equal(a, b)


def test_nothing_is_lost_and_the_mask_is_kept() -> None:
    _, boundary = cells(0)
    assert segment_volume(boundary, SEEDS, SETTINGS, SPACING).all()
    mask = np.ones(SHAPE, bool)
    mask[:, 20:30] = False
    labels = segment_volume(boundary, SEEDS, SETTINGS, SPACING, mask=mask)
    assert not labels[~mask].any()
    assert labels[mask].all()
    assert not set(np.unique(labels[:, :20])) & set(np.unique(labels[:, 30:])) - {0}


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_map_that_says_nothing_is_one_cell(value: float) -> None:
    labels = segment_volume(np.full((3, 20, 20), value, np.float32), SEEDS, SETTINGS, SPACING)
    assert np.unique(labels).tolist() == [1]


def test_everything_masked_is_nobodys() -> None:
    labels = segment_volume(
        np.zeros((2, 8, 8), np.float32), SEEDS, SETTINGS, SPACING, mask=np.zeros((2, 8, 8), bool)
    )
    assert not labels.any()


def test_evidence_adapts_to_the_map() -> None:
    # Borders within cells and between them, once far apart and high, once low.
    faces = np.full(40, 400, np.int64)
    ids = np.arange(40)
    for inner, outer in ((0.6, 0.99), (0.15, 0.55)):
        mean = np.r_[np.full(20, inner), np.full(20, outer)]
        borders = Contacts(ids, ids + 1, faces, mean)
        evidence = border_evidence(borders)
        assert (evidence[:20] > 0).all()
        assert (evidence[20:] < 0).all()


def test_one_kind_of_border_is_judged_by_what_is_usual() -> None:
    few = Contacts(np.array([1, 2]), np.array([2, 3]), np.array([30, 30]), np.array([0.1, 0.12]))
    assert (border_evidence(few) > 0).all()
    walls = Contacts(few.a, few.b, few.faces, np.array([0.9, 0.88]))
    assert (border_evidence(walls) < 0).all()


def test_crumbs_go_through_the_weakest_border_of_all() -> None:
    borders = Contacts(
        np.array([1, 2, 2]), np.array([2, 3, 4]), np.array([5, 5, 5]), np.array([90.0, 20.0, 30.0])
    )
    size = np.array([0, 50, 4, 60, 70])
    assert join_crumbs(borders, size, 10, np.arange(5)).tolist() == [0, 1, 2, 2, 4]
    assert join_crumbs(borders, size, 0, np.arange(5)).tolist() == [0, 1, 2, 3, 4]
