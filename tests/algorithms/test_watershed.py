"""Growing seeds: ids, closed membranes, masks, fixed pixels, small pieces."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.agglomeration import merge_by_boundary
from napari_emseg.algorithms.cleanup import fill_holes, join_small, join_weak
from napari_emseg.algorithms.contacts import contacts
from napari_emseg.algorithms.watershed import grow, segment_sections, segment_volume
from napari_emseg.core.errors import EmsegError
from napari_emseg.settings import SeedSettings, SegmentSettings

UNIT = (1.0, 1.0, 1.0)


@pytest.fixture
def boundary() -> np.ndarray:
    """Two cells of 9 x 9 pixels with a membrane column between them."""
    boundary = np.zeros((9, 19), np.float32)
    boundary[:, 9] = 0.9
    return boundary


def test_every_seed_keeps_its_id_and_nothing_leaks(boundary: np.ndarray) -> None:
    seeds = np.zeros(boundary.shape, np.uint32)
    seeds[4, 2], seeds[1, 17] = 4_000_000_000, 7
    labels = grow(boundary, seeds)
    assert (labels[:, :9] == 4_000_000_000).all()
    assert (labels[:, 10:] == 7).all()
    assert set(np.unique(labels[:, 9])) <= {7, 4_000_000_000}


def test_water_takes_the_lowest_pass(boundary: np.ndarray) -> None:
    three = np.concatenate([boundary, boundary[:, 9:]], axis=1)
    three[:, 9] = 0.6
    seeds = np.zeros(three.shape, np.uint32)
    seeds[4, 0], seeds[4, -1] = 1, 2
    assert (grow(three, seeds)[:, 10:18] == 1).all()


def test_mask_and_fixed_pixels_stop_it(boundary: np.ndarray) -> None:
    seeds = np.zeros(boundary.shape, np.uint32)
    seeds[4, 2] = 3
    mask = np.ones(boundary.shape, bool)
    mask[:, 6:] = False
    labels = grow(boundary, seeds, mask=mask)
    np.testing.assert_array_equal(labels == 3, mask)
    fixed = np.zeros(boundary.shape, np.uint32)
    fixed[:, 5] = 8
    labels = grow(boundary, seeds, fixed=fixed)
    assert (labels[:, :5] == 3).all()
    assert (labels[:, 5] == 8).all()
    assert labels[:, 6:].max() == 0


@pytest.mark.parametrize("dims", [2, 3])
def test_every_basin_with_one_seed_belongs_to_it_at_every_level(dims: int) -> None:
    # What makes a watershed, whatever the order among equal pixels.
    from scipy import ndimage as ndi

    rng = np.random.default_rng(dims)
    shape = (48, 48) if dims == 2 else (12, 24, 24)
    height = ndi.gaussian_filter(rng.random(shape), 2)
    boundary = ((height - height.min()) / np.ptp(height)).astype(np.float32)
    seeds = np.zeros(shape, np.uint32)
    minima = boundary == ndi.minimum_filter(boundary, 7)
    seeds[minima] = np.arange(1, minima.sum() + 1)
    labels = grow(boundary, seeds)
    assert labels.min() > 0
    n_basins = 0
    for level in range(32):
        basins, n = ndi.label(np.floor(boundary * 31) <= level)
        for k in range(1, n + 1):
            inside = set(seeds[(basins == k) & (seeds > 0)].tolist())
            if len(inside) == 1:
                assert set(labels[basins == k].tolist()) == inside
                n_basins += 1
    assert n_basins > 50


def test_rounder_segments_on_request(boundary: np.ndarray) -> None:
    flat = np.zeros_like(boundary)
    seeds = np.zeros(boundary.shape, np.uint32)
    seeds[4, 3], seeds[4, 15] = 1, 2
    labels = grow(flat, seeds, compactness=10)
    assert (labels[:, :9] == 1).all()
    assert (labels[:, 10:] == 2).all()


def test_shapes_must_agree(boundary: np.ndarray) -> None:
    with pytest.raises(EmsegError, match="differ in shape"):
        grow(boundary, np.zeros((3, 3), int))


def test_sections_get_ids_that_do_not_repeat(boundary: np.ndarray) -> None:
    stack = np.stack([boundary, boundary])
    seeds = SeedSettings(threshold=0.5, min_distance_nm=2, merge_tolerance_nm=2)
    labels = segment_sections(stack, seeds, SegmentSettings(min_size_nm2=0), UNIT)
    assert [np.unique(section).tolist() for section in labels] == [[1, 2], [3, 4]]
    lines = segment_sections(stack, seeds, SegmentSettings(min_size_nm2=0, membrane_lines=True), UNIT)
    assert (lines[:, :, 9] == 0).all()
    small = segment_sections(stack, seeds, SegmentSettings(min_size_nm2=100), UNIT)
    assert np.unique(small).size == 2


def test_a_volume_is_joined_through_sections(boundary: np.ndarray) -> None:
    stack = np.repeat(boundary[None], 6, axis=0)
    seeds = SeedSettings(threshold=0.5, min_distance_nm=2, merge_tolerance_nm=2, dims=3)
    labels = segment_volume(stack, seeds, SegmentSettings(min_size_nm2=0), UNIT)
    assert np.unique(labels).tolist() == [1, 2]
    assert (labels[:, :, :9] == labels[0, 0, 0]).all()


def test_contacts_by_hand() -> None:
    labels = np.array([[1, 1, 2], [1, 3, 2], [0, 3, 2]])
    probability = np.array([[0, 0.2, 0.4], [0, 0.6, 0], [0, 0, 1]])
    found = contacts(labels, probability)
    assert list(zip(found.a.tolist(), found.b.tolist(), found.faces.tolist(), strict=True)) == [
        (1, 2, 1),
        (1, 3, 2),
        (2, 3, 2),
    ]
    np.testing.assert_allclose(found.boundary, [0.4, 0.6, 0.8])


def test_small_pieces_go_through_the_weakest_border() -> None:
    labels = np.array([[1, 1, 1, 2, 3, 3, 3]], np.uint32)
    boundary = np.array([[0, 0, 0.9, 0.1, 0.2, 0, 0]])
    assert join_small(labels, boundary, 2).tolist() == [[1, 1, 1, 3, 3, 3, 3]]
    kept = join_small(labels, boundary, 2, keep=np.array([3]))
    assert kept.tolist() == [[1, 1, 1, 1, 3, 3, 3]]
    alone = np.array([[1, 0, 2, 2]], np.uint32)
    assert join_small(alone, np.zeros((1, 4)), 2).tolist() == alone.tolist()


# Cells of 8, 2, 2 and 8 pixels in a row, and how strong the membranes between them are.
ROW = np.repeat(np.array([1, 2, 3, 4], np.uint32), [8, 2, 2, 8])[None]


def membranes(*between: float) -> np.ndarray:
    boundary = np.zeros(ROW.shape, np.float32)
    boundary[0, [8, 10, 12]] = between
    return boundary


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ((0.6, 0.9, 0.9), [1, 1, 3, 4]),
        ((0.9, 0.9, 0.9), [1, 2, 3, 4]),
        ((0.3, 0.9, 0.9), [1, 2, 3, 4]),  # no membrane at all: divided on purpose
        ((0.7, 0.6, 0.9), [1, 1, 1, 4]),  # two small ones are still small
        ((0.6, 0.7, 0.65), [1, 1, 4, 4]),  # never two large ones, not over small ones either
    ],
)
def test_small_pieces_join_behind_weak_membranes(between: tuple[float, ...], expected: list[int]) -> None:
    joined = join_weak(ROW, membranes(*between), 5, (0.5, 0.75))
    assert [int(joined[0, x]) for x in (0, 8, 10, 19)] == expected


def test_what_people_drew_or_placed_joins_nothing_however_small() -> None:
    weak = membranes(0.6, 0.6, 0.6)
    kept = join_weak(ROW, weak, 5, (0.5, 0.75), keep=np.array([2]))
    assert [int(kept[0, x]) for x in (0, 8, 10, 19)] == [1, 2, 4, 4]


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_sections_lose_small_segments_behind_weak_membranes(dtype: type) -> None:
    boundary = np.zeros((1, 40, 60), np.float32)
    boundary[0, :, 40:42] = 0.65
    boundary[0, :, 50:52] = 0.9
    given = boundary if dtype is np.float32 else (255 * boundary).astype(np.uint8)

    def cells(**settings: float) -> list[int]:
        found = segment_sections(given, SeedSettings(), SegmentSettings(**settings), (50.0, 5.0, 5.0))
        return [int(found[0, 20, x]) for x in (5, 45, 55)]

    # 40 x 8 pixels are 8000 nm2 each; the cell beside them is larger than 20000.
    assert cells() == [1, 1, 2]
    assert cells(weak_membrane=0.6) == [1, 2, 3]
    assert cells(small_segment_nm2=0) == [1, 2, 3]
    assert cells(small_segment_nm2=7000) == [1, 2, 3]
    assert cells(weak_membrane=0.95) == [1, 1, 1]


def test_joining_averages_borders_again() -> None:
    # 1|2 is weak. 1|3 alone is 0.45, 2|3 is 0.65: together 0.55, so 3 stays apart at 0.5.
    labels = np.array([[1, 2], [3, 3]], np.uint32)
    boundary = np.array([[0.1, 0.1], [0.45, 0.65]])
    assert merge_by_boundary(labels, boundary, 0.5).tolist() == [[1, 1], [3, 3]]
    assert merge_by_boundary(labels, boundary, 0.6).tolist() == [[1, 1], [1, 1]]
    assert merge_by_boundary(labels, boundary, 0.6, min_faces=3).tolist() == labels.tolist()


def test_holes_are_filled_only_inside_one_object() -> None:
    labels = np.zeros((5, 9), np.uint32)
    labels[:, :4] = 6
    labels[2, 1] = 0
    labels[:, 4:] = 9
    labels[2, 4] = 0
    labels[0, 8] = 0
    expected = labels.copy()
    expected[2, 1] = 6
    np.testing.assert_array_equal(fill_holes(labels), expected)


@pytest.mark.parametrize("compactness", [0.0, 1.0])
def test_ids_beyond_32_bits_stay_what_they_are(compactness: float) -> None:
    walls = np.zeros((5, 9), np.float32)
    walls[:, 4] = 1
    seeds = np.zeros(walls.shape, np.uint64)
    seeds[2, 1], seeds[2, 7] = 2**32, 2**33 + 7
    grown = grow(walls, seeds, compactness=compactness)
    assert (grown[:, :4] == 2**32).all()
    assert (grown[:, 5:] == 2**33 + 7).all()
    with pytest.raises(EmsegError, match="negative"):
        grow(walls, -seeds.astype(np.int64))


@pytest.mark.parametrize("compactness", [0.0, 1.0])
def test_what_people_drew_is_a_seed_that_stays(compactness: float) -> None:
    """A proofread section between two that are free: its ids grow up and down, its pixels stay."""
    walls = np.zeros((3, 6, 9), np.float32)
    walls[:, :, 4] = 1
    drawn = np.zeros(walls.shape, np.uint64)
    drawn[1, :, :5], drawn[1, :, 5:] = 2**40, 9
    drawn[1, 0, 0] = 9  # a slip of the brush stays too
    grown = grow(walls, np.zeros_like(drawn), fixed=drawn, fixed_grow=True, compactness=compactness)
    np.testing.assert_array_equal(grown[1], drawn[1])
    assert (grown[[0, 2], 2:, :4] == 2**40).all()
    assert (grown[[0, 2], :, 5:] == 9).all()
    assert not grow(walls, np.zeros_like(drawn), fixed=drawn)[0].any()
    with pytest.raises(EmsegError, match="without ids"):
        grow(walls, drawn, fixed=drawn > 0, fixed_grow=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint64])
def test_a_hole_takes_the_whole_id_and_its_type(dtype: type) -> None:
    ring = np.zeros((7, 7), dtype)
    ring[1:6, 1:6] = 2**34 + 3 if dtype is np.uint64 else 100
    holed = ring.copy()
    holed[3, 3] = 0
    filled = fill_holes(holed)
    assert filled.dtype == ring.dtype
    np.testing.assert_array_equal(filled, ring)
